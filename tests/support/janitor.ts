/** What outlives the process that made it. */
export interface Traces {
  /** How the names of network namespaces begin; what runs inside them ends with them. */
  readonly namespaces?: string;
  /** The name of control groups, directly under each hierarchy; what runs inside them ends too. */
  readonly group?: string;
  readonly folder?: string;
}

/** By arguments: begin of the namespaces' names, control group, folder; an empty one is none. */
const SCRIPT = `
read -r word && [ "$word" = done ] && exit 0
namespaces() { [ -z "$1" ] || ip netns list | cut -d' ' -f1 | grep -- "^$1" || true; }
left() {
  for one in $(namespaces "$1"); do ip netns pids "$one"; done
  [ -z "$2" ] || find /sys/fs/cgroup/*/"$2" -name cgroup.procs -exec cat {} + 2>/dev/null
}
for try in $(seq 200); do
  pids=$(left "$1" "$2")
  [ -n "$pids" ] || break
  kill -9 $pids 2>/dev/null
  sleep 0.1
done
for one in $(namespaces "$1"); do ip netns del "$one"; done
[ -z "$2" ] || find /sys/fs/cgroup/*/"$2" -depth -type d -exec rmdir {} ';' 2>/dev/null
[ -z "$3" ] || rm -rf --one-file-system "$3"
`;

/**
 * Has a process of its own, out of reach of the terminal's Ctrl-C, take these away when this process
 * ends in whatever way: no test can clean up after SIGKILL. Once disposed of, it takes nothing away.
 */
export function openJanitor({ namespaces = "", group = "", folder = "" }: Traces): AsyncDisposable {
  const child = new Deno.Command("setsid", {
    args: ["sh", "-c", SCRIPT, "janitor", namespaces, group, folder],
    stdin: "piped",
    stdout: "null",
    stderr: "null",
  }).spawn();
  return {
    [Symbol.asyncDispose]: async () => {
      const writer = child.stdin.getWriter();
      await writer.write(new TextEncoder().encode("done\n"));
      await writer.close();
      await child.status;
    },
  };
}

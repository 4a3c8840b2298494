// Which source the program is made of. bundle.ts asks once; the image and the release read its
// answer, so that their labels and times say what the program says.

/** All that the program is made of; install.sh looks at the same to know whether it must build. */
export const SOURCES = ["main.ts", "deno.json", "deno.lock", "LICENSE", "lib", "ffi", ".ci"];
const FILE = "dist/source.json";

export interface Source {
  readonly version: string;
  /** The commit in full, with `-dirty` behind it where the files differ; else `unknown`. */
  readonly revision: string;
  /** Seconds since 1970: $SOURCE_DATE_EPOCH, else the commit's time. */
  readonly epoch: number;
}

/** Asks git about a checkout. */
export async function askSource(folder = "."): Promise<Source> {
  const git = async (...args: string[]) => {
    const command = new Deno.Command("git", { args: ["-C", folder, ...args], stderr: "null" });
    const { success, stdout } = await command.output();
    return success ? new TextDecoder().decode(stdout).trim() : undefined;
  };
  const { version } = JSON.parse(await Deno.readTextFile(`${folder}/deno.json`));
  const commit = await git("rev-parse", "HEAD");
  const changes = await git("status", "--porcelain", "--", ...SOURCES);
  const epoch = Deno.env.get("SOURCE_DATE_EPOCH") ?? await git("log", "-1", "--format=%ct") ?? 0;
  const revision = commit === undefined ? "unknown" : changes ? `${commit}-dirty` : commit;
  return { version, revision, epoch: Number(epoch) };
}

/** The revision as a person reads it: twelve digits of the commit. */
export function shortRevision({ revision }: Source): string {
  return revision.replace(/^([0-9a-f]{12})[0-9a-f]+/, "$1");
}

export async function writeSource(source: Source): Promise<void> {
  await Deno.writeTextFile(FILE, JSON.stringify(source, null, 1));
}

/** What the program in dist/ was made of. @throws where nothing was built */
export async function readSource(): Promise<Source> {
  return JSON.parse(await Deno.readTextFile(FILE));
}

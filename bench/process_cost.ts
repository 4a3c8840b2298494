/** Resident memory of a process, in MiB. */
export function residentMiB(pid: number): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
}

/** Processor time that all threads of a process have taken, in milliseconds. */
export function processorMs(pid: number): number {
  return timesOf(`/proc/${pid}/stat`);
}

/** The same of a process's first thread alone. */
export function threadMs(pid: number): number {
  return timesOf(`/proc/${pid}/task/${pid}/stat`);
}

/** The name stands in brackets and may hold blanks; user and system time in hundredths follow. */
function timesOf(stat: string): number {
  const fields = Deno.readTextFileSync(stat).split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** How many descriptors a process has open. */
export function descriptorCount(pid: number): number {
  return [...Deno.readDirSync(`/proc/${pid}/fd`)].length;
}

import { readdir, readFile } from 'node:fs/promises'

/** Clock ticks a second in /proc: fixed at 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100
const UTIME_FIELD = 11
const STIME_FIELD = 12

/** CPU milliseconds, user and system, that a process has used; 0 for one that is gone. */
export async function cpuTimeMs(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  // The name, in parentheses, may hold spaces: fields are counted behind it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return ((Number(fields[UTIME_FIELD] ?? 0) + Number(fields[STIME_FIELD] ?? 0)) * 1_000) / TICKS_PER_SECOND
}

/** Resident memory in bytes; 0 for a process that is gone. */
export async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1_024
}

/** Whether this machine has /proc: the figures by process need it. */
export async function hasProc(): Promise<boolean> {
  return (await readdir('/proc').catch((): string[] => [])).includes('self')
}

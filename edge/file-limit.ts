/** How many sockets the operating system lets this process have. */

/** Files that are not clients' sockets: stores, gRPC, pages, the runtime's own. */
const OWN_FILES = 500

/** Undefined where the system does not say. */
export function readFileLimit(): number | undefined {
  if (process.report === undefined) return undefined
  // Interfaces are slow to list, and the types do not know the property yet.
  Object.assign(process.report, { excludeNetwork: true })
  const report = process.report.getReport() as { userLimits?: { open_files?: { soft?: unknown } } }
  const soft = Number(report.userLimits?.open_files?.soft)
  return Number.isSafeInteger(soft) ? soft : undefined
}

/** Pure: the configured number, or less where files do not suffice. */
export function socketsWithin(configuredMax: number, fileLimit: number | undefined): number {
  return fileLimit === undefined ? configuredMax : Math.max(1, Math.min(configuredMax, fileLimit - OWN_FILES))
}

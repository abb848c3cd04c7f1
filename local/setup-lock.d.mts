export interface SetupLock {
  readonly path: string
  /** What the owner's command line holds. */
  readonly program: string
  readonly onWait: (ownerPid: number) => void
}

export function withSetupLock<T>(lock: SetupLock, work: () => Promise<T>): Promise<T>

/** How long a call may take, as providers are told with each. */
export interface CallTimes {
  /** A phone rings. */
  readonly ringS: number
  /** The two speak. */
  readonly callMaxS: number
}

/** What the demo's riders saw since the last report. */
export class LatencyReport {
  #latenciesMs: number[] = []
  #sent = 0
  #errors = new Map<string, number>()

  sent(): void {
    this.#sent += 1
  }

  seen(latencyMs: number): void {
    this.#latenciesMs.push(latencyMs)
  }

  refused(reason: string): void {
    this.#errors.set(reason, (this.#errors.get(reason) ?? 0) + 1)
  }

  /** One line, and starts anew. */
  take(): string {
    const sorted = this.#latenciesMs.sort((a, b) => a - b)
    const at = (share: number): number =>
      sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
    const errors = [...this.#errors].map(([reason, count]) => ` ${reason}=${count}`).join('')
    const line = `drivers sent ${this.#sent}, riders saw ${sorted.length}, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms${errors}`
    this.#latenciesMs = []
    this.#sent = 0
    this.#errors.clear()
    return line
  }
}

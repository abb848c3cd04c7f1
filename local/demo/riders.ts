/** Riders of the demo who are on a trip now. */
import type { HushrydClient } from '../../sdk/index.ts'

export interface RiderOnTrip {
  readonly riderId: string
  readonly tripId: string
  readonly app: HushrydClient
  /** Where the vehicle is. */
  readonly place: () => { readonly lat: number; readonly lng: number }
}

export class Riders {
  readonly #onTrip = new Set<RiderOnTrip>()

  /** Answers how to leave. */
  board(rider: RiderOnTrip): () => void {
    this.#onTrip.add(rider)
    return () => void this.#onTrip.delete(rider)
  }

  /** Anyone; undefined while nobody rides. */
  pick(random: () => number): RiderOnTrip | undefined {
    const riders = [...this.#onTrip]
    return riders[Math.floor(random() * riders.length)]
  }
}

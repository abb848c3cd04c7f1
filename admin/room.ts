/**
 * Everything of the room that outlives a view: who is on duty, the connection,
 * the alerts, the log, the overview, and the alarm.
 */

import { HushrydError } from '../sdk/error.ts'
import { Alarm } from './alarm/alarm.ts'
import {
  acceptAlert,
  beginSnapshot,
  EMPTY_BOARD,
  endSnapshot,
  unacknowledgedAlerts,
} from './alerts/alert-board.ts'
import { EventWatch } from './events/event-watch.ts'
import type { Alert, GetOverviewResponse, WelcomeFrame } from './generated/types.ts'
import { keepStream } from './link/keep-stream.ts'
import type { Link } from './link/liveness.ts'
import { createOperations, type Operations } from './link/operations.ts'
import type { PageSettings } from './session/page-settings.ts'
import { Store } from './store/store.ts'

const OVERVIEW_EVERY_MS = 5_000
/** A clock that is off by less is taken for the way's own delay. */
const CLOCK_SKEW_MIN_MS = 2_000

export interface RoomOptions {
  readonly settings: PageSettings
  readonly token: string
  /** The session is over, or not that of an admin. */
  readonly onRefused: (error: HushrydError) => void
}

export class Room {
  readonly userId = new Store('')
  readonly link = new Store<Link>({ state: 'closed', retryAtMs: undefined, heardAtMs: 0, edgeId: '' })
  readonly board = new Store(EMPTY_BOARD)
  /** The stream of alerts is down: that none is shown says nothing. */
  readonly areAlertsDown = new Store(false)
  readonly overview = new Store<GetOverviewResponse | undefined>(undefined)
  readonly events: EventWatch
  readonly alarm = new Alarm()
  readonly operations: Operations
  readonly #options: RoomOptions
  readonly #stops: (() => void)[] = []
  #clockOffsetMs = 0
  #hasEntered = false

  constructor(options: RoomOptions) {
    this.#options = options
    this.operations = createOperations({
      endpoints: options.settings.endpoints,
      token: options.token,
      onHeard: () => this.#heard(),
      onWelcome: (welcome) => this.#welcome(welcome),
      onState: ({ state, retryInMs, error }) => {
        this.link.update((link) => ({
          ...link,
          state,
          retryAtMs: retryInMs === undefined ? undefined : Date.now() + retryInMs,
        }))
        if (state === 'stopped' && error !== undefined) options.onRefused(error)
      },
    })
    this.events = new EventWatch(this.operations)
    const wake = () => this.operations.wake()
    window.addEventListener('online', wake)
    this.#stops.push(() => window.removeEventListener('online', wake))
    this.operations.connect()
  }

  /** Where a test alert may be raised; undefined where there is no demo. */
  get testAlertUrl(): string | undefined {
    return this.#options.settings.testAlertUrl
  }

  /** The server's time: ages and timers must not depend on this device's clock. */
  readonly nowMs = (): number => Date.now() + this.#clockOffsetMs

  close(): void {
    for (const stop of this.#stops) stop()
    this.events.stop()
    this.alarm.close()
    this.operations.close()
  }

  accept(alert: Alert | undefined): void {
    if (alert === undefined) return
    const before = new Set(unacknowledgedAlerts(this.board.value).map(({ alertId }) => alertId))
    this.board.update((board) => acceptAlert(board, alert))
    const waiting = unacknowledgedAlerts(this.board.value)
    this.alarm.want(
      waiting.length > 0,
      waiting.some(({ alertId }) => !before.has(alertId)),
    )
  }

  #heard(): void {
    this.link.update((link) => ({ ...link, heardAtMs: Date.now() }))
  }

  #welcome({ role, userId, edgeId, serverTimeMs }: WelcomeFrame): void {
    if (role !== 'admin') {
      this.operations.close()
      this.#options.onRefused(new HushrydError(role, { code: 'PERMISSION_DENIED', reason: 'FORBIDDEN' }))
      return
    }
    const offsetMs = serverTimeMs - Date.now()
    this.#clockOffsetMs = Math.abs(offsetMs) < CLOCK_SKEW_MIN_MS ? 0 : offsetMs
    this.userId.set(userId)
    this.link.update((link) => ({ ...link, edgeId, heardAtMs: Date.now() }))
    if (this.#hasEntered) return
    this.#hasEntered = true
    this.#stops.push(this.#watchAlerts(), this.#readOverview())
    this.events.start()
  }

  #watchAlerts(): () => void {
    const { stream, call } = this.operations
    return keepStream({
      open: (signal) => stream.sos.watchAlerts({}, { signal }),
      onOpen: () => this.board.update(beginSnapshot),
      onMessage: ({ alert, caughtUp }) => {
        this.accept(alert)
        if (!caughtUp) return
        this.areAlertsDown.set(false)
        const { board, lost } = endSnapshot(this.board.value)
        this.board.set(board)
        for (const alertId of lost) {
          // Until the answer it is shown as it was: an alert never just vanishes.
          call.sos.getAlert({ alertId }).then(
            (answer) => this.accept(answer.alert),
            () => undefined,
          )
        }
      },
      onEnd: () => this.areAlertsDown.set(true),
    })
  }

  #readOverview(): () => void {
    const read = () => {
      this.operations.call.admin.getOverview({}).then(
        (overview) => this.overview.set(overview),
        // The figures stand with their time; that nothing new comes shows as their age.
        () => undefined,
      )
    }
    read()
    const timer = setInterval(read, OVERVIEW_EVERY_MS)
    return () => clearInterval(timer)
  }
}

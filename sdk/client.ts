/** The client: puts the parts together and is all that an app sees of them. */
import { Calls } from './calls.ts'
import { jsonCodec } from './codec-json.ts'
import { protoCodec } from './codec-proto.ts'
import { Connection, type ConnectionState, type StateEvent } from './connection.ts'
import type { UploadDocument } from './document-upload.ts'
import { Documents } from './documents.ts'
import { Emitter } from './emitter.ts'
import type { TripListener } from './followed-trip.ts'
import { FollowedTrips } from './followed-trips.ts'
import { CALLS, STREAMS } from './generated/tables.ts'
import type { CallApi, Document, EventFrame, ServerFrame, StreamApi } from './generated/types.ts'
import { callApi, streamApi } from './method-api.ts'
import { OpenWait } from './open-wait.ts'
import { checkTripId, type ReportedPosition, tripPosition } from './position.ts'
import { type BufferEvent, PositionReporter, type RefusedEvent } from './position-reporter.ts'
import { createRest } from './rest.ts'
import { type Runtime, systemRuntime, type WebSocketFactory } from './runtime.ts'
import { SocketCalls } from './socket-calls.ts'
import { type RaiseSos, Sos } from './sos.ts'
import type { SosHandle } from './sos-alert.ts'
import { memorySosStore, type SosStore } from './sos-store.ts'
import { TokenSource } from './token.ts'

/** An hour at one position a second; older ones no edge takes. */
const BUFFER_MAX = 3_600

export interface ClientOptions {
  /** Addresses of edges, such as https://edge.example; any of them will do. */
  readonly endpoints: readonly string[]
  /** The session's token, or where to get one: asked again when an edge no longer takes it. */
  readonly token: string | (() => string | Promise<string>)
  /** `proto` is smaller; `json` is readable in a browser's tools. */
  readonly protocol?: 'proto' | 'json' | undefined
  /** Where there is no global WebSocket (Node before 22): `(url, protocols) => new WebSocket(url, protocols)` of `ws`. */
  readonly webSocket?: WebSocketFactory | undefined
  /** Where alerts outlive a reload; memory where it is left out. */
  readonly sosStore?: SosStore | undefined
  /** Positions kept while there is no connection; 3,600 where it is left out. */
  readonly bufferMax?: number | undefined
}

export interface ClientEvents {
  state: StateEvent
  /** Something that concerns this person, such as trip.completed. */
  event: EventFrame
  /** The number of waiting positions has changed, or some were lost. */
  buffer: BufferEvent
  /** A position was not taken, and why. */
  refused: RefusedEvent
}

export interface HushrydClient {
  readonly state: ConnectionState
  /** Methods that answer once. Without a connection those with a REST route go there. */
  readonly call: CallApi
  /** Methods that answer with a stream, for `for await`. A lost connection ends it with UNAVAILABLE. */
  readonly stream: StreamApi
  /** Keeps a connection from now on. */
  connect(): void
  /** Ends the connection. Alerts without an answer go on by REST until they have one. */
  close(): void
  /** Ends the wait before a reconnect: the network is back, or the app in front. */
  wake(): void
  /** Answers how to stop listening. */
  on<Name extends keyof ClientEvents>(name: Name, listener: (event: ClientEvents[Name]) => void): () => void
  /** Answers how to stop following. */
  followTrip(tripId: string, listener: TripListener): () => void
  /** For the trip's driver. Kept and sent later while there is no connection. Throws for what is no position. */
  reportPosition(tripId: string, position: ReportedPosition): void
  raiseSos(alert?: RaiseSos): SosHandle
  /** At the app's start: goes on with alerts that have no answer yet. */
  resumeSos(): Promise<SosHandle[]>
  /** Settles once the document is available, with it, or refused: then the error's reason is why. */
  uploadDocument(document: UploadDocument): Promise<Document>
}

export function createClient(options: ClientOptions): HushrydClient {
  return createClientOn(systemRuntime(options.webSocket), options)
}

/** For tests, which bring their own clock and network. */
export function createClientOn(runtime: Runtime, options: ClientOptions): HushrydClient {
  const endpoints = options.endpoints.map((endpoint) => endpoint.replace(/\/+$/, ''))
  if (endpoints.length === 0) throw new TypeError('endpoints is empty.')
  const codec = options.protocol === 'json' ? jsonCodec : protoCodec
  const emitter = new Emitter<ClientEvents>()
  const rest = createRest(runtime, new TokenSource(options.token))
  const openWait = new OpenWait(runtime)

  const connection: Connection = new Connection({
    runtime,
    codec,
    endpoints,
    rest,
    onState(event) {
      if (event.state !== 'open' && event.state !== 'connecting') reporter.onDown()
      openWait.onState(event.state)
      if (event.state === 'open') sos.onOpen()
      emitter.emit('state', event)
    },
    onOpen({ serverTimeMs }) {
      trips.onOpen(serverTimeMs)
      reporter.onOpen()
    },
    onFrame,
    onGone: (socket) => socketCalls.onGone(socket),
    isInUse: (socket) => socketCalls.isInUse(socket),
  })
  const isSent: (frame: Parameters<Connection['send']>[0]) => boolean = (frame) =>
    connection.send(frame) !== undefined
  const socketCalls = new SocketCalls({ runtime, codec, send: (frame) => connection.send(frame) })
  const calls = new Calls({ runtime, endpoints, rest, socketCalls, openWait })
  const trips = new FollowedTrips({ runtime, send: isSent })
  const reporter = new PositionReporter({
    runtime,
    codec,
    bufferMax: options.bufferMax ?? BUFFER_MAX,
    send: isSent,
    onBuffer: (event) => emitter.emit('buffer', event),
    onRefused: (event) => emitter.emit('refused', event),
  })
  const sos = new Sos({ runtime, endpoints, calls, openWait, store: options.sosStore ?? memorySosStore() })
  const call = callApi<CallApi>(calls, CALLS)
  const documents = new Documents({ runtime, calls: call.document })

  function onFrame(frame: ServerFrame, isCurrent: boolean): void {
    socketCalls.onFrame(frame)
    if (!isCurrent) return
    trips.onFrame(frame)
    reporter.onFrame(frame)
    if (frame.event === undefined) return
    sos.onEvent(frame.event)
    documents.onEvent(frame.event)
    emitter.emit('event', frame.event)
  }

  return {
    get state() {
      return connection.state
    },
    call,
    stream: streamApi<StreamApi>(calls, STREAMS),
    connect: () => connection.connect(),
    close: () => connection.close(),
    wake: () => connection.wake(),
    on: (name, listener) => emitter.on(name, listener),
    followTrip(tripId, listener) {
      checkTripId(tripId)
      return trips.follow(tripId, listener)
    },
    reportPosition: (tripId, position) => reporter.report(tripPosition(tripId, position, runtime.nowMs())),
    raiseSos(alert = {}) {
      connection.wake()
      return sos.raise(alert)
    },
    resumeSos: () => sos.resume(),
    uploadDocument: (document) => documents.upload(document),
  }
}

/** What an app imports. */
export type { CallOptions } from './call-options.ts'
export {
  type ClientEvents,
  type ClientOptions,
  createClient,
  type HushrydClient,
} from './client.ts'
export type { ConnectionState, StateEvent } from './connection.ts'
export type { UploadDocument, UploadProgress } from './document-upload.ts'
export { type ErrorDetails, HushrydError } from './error.ts'
export type { JoinedTrip, TripEnd, TripListener } from './followed-trip.ts'
export type * from './generated/types.ts'
export type { JsonObject, JsonValue } from './json.ts'
export type { ReportedPosition } from './position.ts'
export type { BufferEvent, RefusedEvent } from './position-reporter.ts'
export type { AbortSignalLike, SocketEvent, WebSocketFactory, WebSocketLike } from './runtime.ts'
export type { RaiseSos } from './sos.ts'
export type { SosHandle, SosUpdate } from './sos-alert.ts'
export {
  type AsyncWebStorage,
  memorySosStore,
  type SosStore,
  storageSosStore,
  type WebStorage,
} from './sos-store.ts'
export type { BlobLike, FileAddress, UploadFile } from './upload-file.ts'

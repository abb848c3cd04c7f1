/** A method as the server sees it: its audience, its rules, and the bytes that the rules are checked on. */
import type { ServiceDefinition, TsProtoServiceDefinition } from 'nice-grpc'
import { DomainError, ErrorReason } from '../error.ts'
import { type Audiences, audiencesOf } from './audience.ts'
import { descriptors } from './descriptors.ts'
import { requestCheck } from './validate.ts'

export interface ServedMethod {
  readonly path: string
  readonly audiences: Audiences
  /**
   * Throws INVALID_REQUEST or MALFORMED. Client streams are exempt: their
   * handlers check each message, or trust their peer as the lane does.
   */
  check(request: unknown): void
}

interface Described {
  readonly methods: readonly ServedMethod[]
  readonly grpcDefinition: ServiceDefinition
}

type MethodDefinition = TsProtoServiceDefinition['methods'][string]

/**
 * Decoding must not throw: grpc-js would answer INTERNAL before any middleware
 * has seen the call. So what cannot be decoded is remembered, and refused in
 * its turn, after the caller is known.
 */
function describeMethod(
  path: string,
  definition: MethodDefinition,
): [ServedMethod, (bytes: Uint8Array) => unknown] {
  const { requestType, requestStream } = definition
  const audiences = audiencesOf(path)
  if (requestStream)
    return [{ path, audiences, check: () => undefined }, (bytes) => requestType.decode(bytes)]

  const descriptor = descriptors().methods.get(path)
  const checkBytes = descriptor === undefined ? undefined : requestCheck(descriptor)
  const bytesOf = new WeakMap<object, Uint8Array>()
  const malformed = new WeakMap<object, unknown>()

  const decode = (bytes: Uint8Array): unknown => {
    try {
      const request: unknown = requestType.decode(bytes)
      if (checkBytes !== undefined && typeof request === 'object' && request !== null)
        bytesOf.set(request, bytes)
      return request
    } catch (error) {
      const placeholder = {}
      malformed.set(placeholder, error)
      return placeholder
    }
  }
  const check = (request: unknown): void => {
    if (typeof request !== 'object' || request === null) return
    if (malformed.has(request)) {
      const cause = malformed.get(request)
      throw new DomainError(ErrorReason.ERROR_REASON_MALFORMED, 'The request could not be decoded.', {
        cause,
      })
    }
    const bytes = bytesOf.get(request)
    if (bytes !== undefined) checkBytes?.(bytes)
  }
  return [{ path, audiences, check }, decode]
}

export function describeService(definition: TsProtoServiceDefinition): Described {
  const methods: ServedMethod[] = []
  const grpcDefinition: Record<string, ServiceDefinition[string]> = {}
  for (const [key, method] of Object.entries(definition.methods)) {
    const path = `/${definition.fullName}/${method.name}`
    const [served, requestDeserialize] = describeMethod(path, method)
    const { requestType, responseType, requestStream, responseStream, options } = method
    methods.push(served)
    grpcDefinition[key] = {
      path,
      requestStream,
      responseStream,
      requestDeserialize,
      requestSerialize: (value) => requestType.encode(value).finish(),
      responseDeserialize: (bytes) => responseType.decode(bytes),
      responseSerialize: (value) => responseType.encode(responseType.fromPartial?.(value) ?? value).finish(),
      options,
    }
  }
  return { methods, grpcDefinition }
}

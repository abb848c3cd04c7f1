/** `client.call` and `client.stream`, made from the generated tables; their types are generated, too. */
import type { CallOptions } from './call-options.ts'
import type { Calls } from './calls.ts'
import { CALLS, STREAMS } from './generated/tables.ts'
import type { CallApi, StreamApi } from './generated/types.ts'
import type { Message } from './message-codec.ts'
import { type Method, methodOf, type ServiceTable } from './method.ts'

type Tables = Readonly<Record<string, ServiceTable>>
type Ask = (method: Method, request: Message, options?: CallOptions) => unknown

export function callApi(calls: Calls): CallApi {
  return api(CALLS, (...args) => calls.unary(...args)) as CallApi
}

export function streamApi(calls: Calls): StreamApi {
  return api(STREAMS, (...args) => calls.stream(...args)) as StreamApi
}

function api(tables: Tables, ask: Ask): unknown {
  const services = Object.entries(tables).map(([service, table]) => {
    const methods = Object.keys(table.methods).map((name) => {
      const method = methodOf(table, name)
      return [name, (request: Message = {}, options?: CallOptions) => ask(method, request, options)]
    })
    return [service, Object.fromEntries(methods)]
  })
  return Object.fromEntries(services)
}

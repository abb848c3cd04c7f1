/** `client.call` and `client.stream`, made from the generated tables; their types are generated, too. */
import type { CallOptions } from './call-options.ts'
import type { Calls } from './calls.ts'
import type { Message } from './message-codec.ts'
import { type Method, methodOf, type ServiceTable } from './method.ts'

type Tables = Readonly<Record<string, ServiceTable>>
type Ask = (method: Method, request: Message, options?: CallOptions) => unknown

/** `Api` is the type that was generated together with the tables. */
export function callApi<Api>(calls: Calls, tables: Tables): Api {
  return api(tables, (...args) => calls.unary(...args)) as Api
}

export function streamApi<Api>(calls: Calls, tables: Tables): Api {
  return api(tables, (...args) => calls.stream(...args)) as Api
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

/** Ends the streams of a server that stops: their handlers' signals abort. */
import type { CallContext, ServerMiddleware } from 'nice-grpc-common'

export interface StreamStopper {
  readonly isStopping: boolean
  /** A controller that aborts with the call's own signal, or when the server stops. */
  open(context: CallContext): AbortController
  close(controller: AbortController): void
  stop(): void
  /** For services without any other middleware. */
  readonly middleware: ServerMiddleware
}

export function createStreamStopper(): StreamStopper {
  const controllers = new Set<AbortController>()
  let isStopping = false

  function open(context: CallContext): AbortController {
    const controller = new AbortController()
    controllers.add(controller)
    if (context.signal.aborted || isStopping) controller.abort()
    else context.signal.addEventListener('abort', () => controller.abort(), { once: true })
    return controller
  }

  const close = (controller: AbortController): void => void controllers.delete(controller)

  return {
    get isStopping() {
      return isStopping
    },
    open,
    close,
    stop() {
      isStopping = true
      for (const controller of controllers) controller.abort()
    },
    middleware: async function* stopWithServer(call, context) {
      if (!call.responseStream) return yield* call.next(call.request, context)
      const controller = open(context)
      try {
        return yield* call.next(call.request, { ...context, signal: controller.signal })
      } finally {
        close(controller)
      }
    },
  }
}

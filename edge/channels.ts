/** Which gRPC channel leads to a service behind the edge. */
import { connectivityState } from '@grpc/grpc-js'
import type { RpcChannel } from '@hushryd/kernel/rpc/client.ts'

export interface ServiceChannels {
  readonly directory: RpcChannel
  /** One for each address. */
  readonly locations: readonly RpcChannel[]
  readonly notify: RpcChannel
  readonly maskcall: RpcChannel
  readonly docs: RpcChannel
  readonly sos: RpcChannel
  readonly admin: RpcChannel
  /** To the edges' own services. */
  readonly edge: RpcChannel
}

/** By the service's full name; undefined for one that has no address here. */
export type ChannelOf = (serviceName: string) => RpcChannel | undefined

function isUsable(channel: RpcChannel | undefined): channel is RpcChannel {
  return channel?.channel().getConnectivityState(false) !== connectivityState.TRANSIENT_FAILURE
}

export function createChannelOf({
  directory,
  locations,
  notify,
  maskcall,
  docs,
  sos,
  admin,
  edge,
}: ServiceChannels): ChannelOf {
  let turn = 0

  /** Any pod answers any call; one that is known to be away is passed over. */
  function location(): RpcChannel | undefined {
    turn += 1
    const inTurn = locations.map((_, index) => locations[(turn + index) % locations.length])
    return inTurn.find(isUsable) ?? inTurn[0]
  }

  return (serviceName) => {
    if (serviceName.startsWith('hushryd.location.')) return location()
    if (serviceName.startsWith('hushryd.directory.')) return directory
    if (serviceName.startsWith('hushryd.notify.')) return notify
    if (serviceName.startsWith('hushryd.maskcall.')) return maskcall
    if (serviceName.startsWith('hushryd.docs.')) return docs
    if (serviceName.startsWith('hushryd.sos.')) return sos
    if (serviceName.startsWith('hushryd.admin.')) return admin
    if (serviceName.startsWith('hushryd.edge.')) return edge
    return undefined
  }
}

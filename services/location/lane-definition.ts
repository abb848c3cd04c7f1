/** The contract's service with the lane's own codecs: the same bytes, written and read by hand. */
import { LocationServiceDefinition } from '@hushryd/gen/hushryd/location/v1/location.ts'
import { LaneDownCodec, LaneUpCodec } from './lane-codec.ts'

const { connect } = LocationServiceDefinition.methods

export const ServedLocationDefinition = {
  ...LocationServiceDefinition,
  methods: {
    ...LocationServiceDefinition.methods,
    connect: { ...connect, requestType: LaneUpCodec, responseType: LaneDownCodec },
  },
} as const

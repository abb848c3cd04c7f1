/** The contract's descriptor set, as buf built it: for validation, audiences and reflection. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import {
  createFileRegistry,
  type DescExtension,
  type DescField,
  type DescMethod,
  type FileRegistry,
  fromBinary,
  getOption,
} from '@bufbuild/protobuf'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'

export interface Descriptors {
  /** Immutable: reflection hands out slices of it. */
  readonly bytes: Uint8Array
  readonly registry: FileRegistry
  /** By path, such as `/hushryd.location.v1.LocationService/FindNearby`. */
  readonly methods: ReadonlyMap<string, DescMethod>
}

function loadDescriptors(): Descriptors {
  // Not import.meta.resolve, which test runners do not all have.
  const file = createRequire(import.meta.url).resolve('@hushryd/gen/descriptors.binpb')
  const bytes = new Uint8Array(readFileSync(file))
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, bytes))
  const methods = new Map<string, DescMethod>()
  for (const type of registry) {
    if (type.kind !== 'service') continue
    for (const method of type.methods) methods.set(`/${type.typeName}/${method.name}`, method)
  }
  return { bytes, registry, methods }
}

let loaded: Descriptors | undefined

/** Read once a process. */
export function descriptors(): Descriptors {
  loaded ??= loadDescriptors()
  return loaded
}

function optionOf(described: DescMethod | DescField, extensionName: string): unknown {
  const extension: DescExtension | undefined = descriptors().registry.getExtension(extensionName)
  if (extension === undefined) throw new Error(`the descriptor set has no extension ${extensionName}`)
  return getOption(described, extension)
}

/** An option's value of a method, by the extension's full name. */
export function methodOption(method: DescMethod, extensionName: string): unknown {
  return optionOf(method, extensionName)
}

/** And of a message's field. */
export function fieldOption(field: DescField, extensionName: string): unknown {
  return optionOf(field, extensionName)
}

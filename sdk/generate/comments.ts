/** The comments of the proto files, as JSDoc. */
import type { DescEnum, DescField, DescMessage, DescMethod } from '@bufbuild/protobuf'

/** Field numbers in google/protobuf/descriptor.proto, of which a comment's path is made. */
const FILE_MESSAGE = 4
const FILE_ENUM = 5
const FILE_SERVICE = 6
const MESSAGE_FIELD = 2
const MESSAGE_NESTED = 3
const MESSAGE_ENUM = 4
const SERVICE_METHOD = 2

type Commented = DescMessage | DescField | DescEnum | DescMethod

function pathOf(desc: Commented): number[] {
  switch (desc.kind) {
    case 'field':
      return [...pathOf(desc.parent), MESSAGE_FIELD, desc.parent.fields.indexOf(desc)]
    case 'rpc':
      return [
        FILE_SERVICE,
        desc.parent.file.services.indexOf(desc.parent),
        SERVICE_METHOD,
        desc.parent.methods.indexOf(desc),
      ]
    case 'message':
      return desc.parent === undefined
        ? [FILE_MESSAGE, desc.file.messages.indexOf(desc)]
        : [...pathOf(desc.parent), MESSAGE_NESTED, desc.parent.nestedMessages.indexOf(desc)]
    case 'enum':
      return desc.parent === undefined
        ? [FILE_ENUM, desc.file.enums.indexOf(desc)]
        : [...pathOf(desc.parent), MESSAGE_ENUM, desc.parent.nestedEnums.indexOf(desc)]
  }
}

function fileOf(desc: Commented) {
  return desc.kind === 'field' || desc.kind === 'rpc' ? desc.parent.file : desc.file
}

/** Empty where there is none. */
export function jsDoc(desc: Commented, indent = ''): string {
  const path = pathOf(desc).join()
  const location = fileOf(desc).proto.sourceCodeInfo?.location.find((one) => one.path.join() === path)
  const lines = (location?.leadingComments ?? '')
    .split('\n')
    .map((line) => line.trim().replaceAll('*/', '* /'))
    .filter((line) => line !== '' && !line.startsWith('buf:'))
  if (lines.length === 0) return ''
  if (lines.length === 1) return `${indent}/** ${lines[0]} */\n`
  return `${indent}/**\n${lines.map((line) => `${indent} * ${line}\n`).join('')}${indent} */\n`
}

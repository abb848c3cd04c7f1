/** The contract's comments, which the descriptor set carries beside the types. */
import type {
  DescEnum,
  DescEnumValue,
  DescField,
  DescFile,
  DescMessage,
  DescMethod,
  DescService,
} from '@bufbuild/protobuf'

export type Documented = DescMessage | DescEnum | DescEnumValue | DescField | DescService | DescMethod

/** Field numbers of descriptor.proto, of which source locations' paths are made. */
const FILE_MESSAGE = 4
const FILE_ENUM = 5
const FILE_SERVICE = 6
const MESSAGE_FIELD = 2
const MESSAGE_NESTED = 3
const MESSAGE_ENUM = 4
const ENUM_VALUE = 2
const SERVICE_METHOD = 2

function typePath(type: DescMessage | DescEnum): number[] {
  const isMessage = type.kind === 'message'
  if (type.parent === undefined) {
    return isMessage
      ? [FILE_MESSAGE, type.file.messages.indexOf(type)]
      : [FILE_ENUM, type.file.enums.indexOf(type)]
  }
  // Map entries are nested messages too, and stand only in the proto's own list.
  const nested = type.parent.proto.nestedType
  const place = isMessage
    ? [MESSAGE_NESTED, nested.findIndex(({ name }) => name === type.name)]
    : [MESSAGE_ENUM, type.parent.nestedEnums.indexOf(type)]
  return [...typePath(type.parent), ...place]
}

function pathOf(desc: Documented): number[] {
  switch (desc.kind) {
    case 'message':
    case 'enum':
      return typePath(desc)
    case 'field':
      return [...typePath(desc.parent), MESSAGE_FIELD, desc.parent.fields.indexOf(desc)]
    case 'enum_value':
      return [...typePath(desc.parent), ENUM_VALUE, desc.parent.values.indexOf(desc)]
    case 'service':
      return [FILE_SERVICE, desc.file.services.indexOf(desc)]
    case 'rpc':
      return [...pathOf(desc.parent), SERVICE_METHOD, desc.parent.methods.indexOf(desc)]
  }
}

const commentsOf = new WeakMap<DescFile, ReadonlyMap<string, string>>()

/** Lines of a paragraph are one line; instructions to buf are left out. */
function tidy(comment: string): string {
  return comment
    .split('\n')
    .filter((line) => !line.includes('buf:lint'))
    .map((line) => line.trim())
    .join('\n')
    .trim()
    .replaceAll(/(?<!\n)\n(?!\n)/g, ' ')
}

function readComments(file: DescFile): ReadonlyMap<string, string> {
  const locations = file.proto.sourceCodeInfo?.location ?? []
  return new Map(locations.map(({ path, leadingComments }) => [path.join('.'), tidy(leadingComments)]))
}

/** Empty where there is none. */
export function commentOf(desc: Documented): string {
  const file = 'file' in desc ? desc.file : desc.parent.file
  let comments = commentsOf.get(file)
  if (comments === undefined) {
    comments = readComments(file)
    commentsOf.set(file, comments)
  }
  return comments.get(pathOf(desc).join('.')) ?? ''
}

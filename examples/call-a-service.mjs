// Calls any unary method of any service, knowing nothing but its address: the contract comes by reflection.
// node examples/call-a-service.mjs localhost:7001 hushryd.location.v1.LocationService/FindNearby '{"lat":37.77,"lng":-122.41}'
// HUSHRYD_SERVICE_KEY (printed by `npm start`) says who is calling.
import { createFileRegistry, fromBinary, fromJson, toBinary, toJson } from '@bufbuild/protobuf'
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'
import { credentials, Metadata, makeGenericClientConstructor } from '@grpc/grpc-js'
import reflection from 'nice-grpc-server-reflection/lib/proto/grpc/reflection/v1/reflection_grpc_pb.js'
import messages from 'nice-grpc-server-reflection/lib/proto/grpc/reflection/v1/reflection_pb.js'

const [address, fullMethod, request = '{}'] = process.argv.slice(2)
const [serviceName, methodName] = fullMethod.split('/')

const files = await describe(serviceName)
const method = createFileRegistry(files[0], (name) => files.find((file) => file.name === name))
  .getService(serviceName)
  .methods.find(({ name }) => name === methodName)

const Service = makeGenericClientConstructor({}, serviceName)
const metadata = new Metadata()
metadata.set('authorization', `Bearer ${process.env.HUSHRYD_SERVICE_KEY}`)
new Service(address, credentials.createInsecure()).makeUnaryRequest(
  `/${fullMethod}`,
  (message) => Buffer.from(toBinary(method.input, message)),
  (bytes) => fromBinary(method.output, bytes),
  fromJson(method.input, JSON.parse(request)),
  metadata,
  (error, answer) => {
    if (error) console.error(`${error.code}: ${error.details}`)
    else console.log(JSON.stringify(toJson(method.output, answer), undefined, 2))
  },
)

/** The file that holds the symbol, and then all that it imports: a server answers with one file at a time. */
async function describe(symbol) {
  const Reflection = makeGenericClientConstructor(reflection.ServerReflectionService, 'reflection')
  const stream = new Reflection(address, credentials.createInsecure()).serverReflectionInfo()
  const files = new Map()
  const asked = new Set()
  return await new Promise((resolve, reject) => {
    const askFor = (name) => {
      if (asked.has(name)) return
      asked.add(name)
      stream.write(new messages.ServerReflectionRequest().setFileByFilename(name))
    }
    stream.on('error', reject)
    stream.on('data', (answer) => {
      if (answer.hasErrorResponse()) return reject(new Error(answer.getErrorResponse().getErrorMessage()))
      for (const bytes of answer.getFileDescriptorResponse().getFileDescriptorProtoList_asU8()) {
        const file = fromBinary(FileDescriptorProtoSchema, bytes)
        asked.add(file.name)
        files.set(file.name, file)
        file.dependency.forEach(askFor)
      }
      if (files.size < asked.size) return
      stream.end()
      resolve([...files.values()])
    })
    stream.write(new messages.ServerReflectionRequest().setFileContainingSymbol(symbol))
  })
}

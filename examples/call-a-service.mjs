// Calls any unary method of any service, knowing nothing but its address: the contract comes by reflection.
// node examples/call-a-service.mjs localhost:7001 hushryd.location.v1.LocationService/FindNearby '{"lat":37.77,"lng":-122.41}'
// HUSHRYD_SERVICE_KEY (printed by `npm start`) says who is calling.
import { create, createFileRegistry, fromBinary, fromJson, toBinary, toJson } from '@bufbuild/protobuf'
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { credentials, Metadata, makeGenericClientConstructor } from '@grpc/grpc-js'
import reflection from 'nice-grpc-server-reflection/lib/proto/grpc/reflection/v1/reflection_grpc_pb.js'
import messages from 'nice-grpc-server-reflection/lib/proto/grpc/reflection/v1/reflection_pb.js'

const [address, fullMethod, request = '{}'] = process.argv.slice(2)
const [serviceName, methodName] = fullMethod.split('/')

const Reflection = makeGenericClientConstructor(reflection.ServerReflectionService, 'reflection')
const asking = new Reflection(address, credentials.createInsecure()).serverReflectionInfo()
const files = await new Promise((resolve, reject) => {
  asking.on('error', reject)
  asking.on('data', (answer) => {
    asking.end()
    resolve(answer.getFileDescriptorResponse().getFileDescriptorProtoList_asU8())
  })
  asking.write(new messages.ServerReflectionRequest().setFileContainingSymbol(serviceName))
})
const set = create(FileDescriptorSetSchema, {
  file: files.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes)),
})
const method = createFileRegistry(set)
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

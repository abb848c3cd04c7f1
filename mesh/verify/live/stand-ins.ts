/**
 * The manifests as an operator applies them, with stand-ins for what Kubernetes
 * would add: services and pods become entries, and since nothing here redirects
 * connections, each sidecar is told where to listen. Policies, routes,
 * destination rules and the gateway stay as they are.
 */
import { GATEWAY, hostOf, NAMESPACE } from '../../members.ts'
import { type Pod, servicePorts } from './pods.ts'

export interface Resource {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Labels }
  readonly spec: Readonly<Record<string, unknown>>
}

type Labels = Readonly<Record<string, string>>

/** Of no namespace. */
const NO_HOST = '~/*'
const NETWORKING = 'networking.istio.io/v1'

/** Port of the gateway here: the real one needs root. */
export const PUBLIC_PORT = 9443
export const PUBLIC_HOST = 'localhost'
/** Istio takes no name without a dot. */
const ANY_HOST = '*'

export interface PublicCertificate {
  readonly certificate: string
  readonly key: string
}

export function labelsOf({ member, name }: Pod): Labels {
  return { 'app.kubernetes.io/name': member, 'hushryd.com/pod': name }
}

const PROTOCOLS: Readonly<Record<string, string>> = { grpc: 'GRPC', http: 'HTTP' }

function serviceEntry(member: string): Resource {
  const ports = Object.entries(servicePorts(member)).map(([name, number]) => ({
    name,
    number,
    protocol: PROTOCOLS[name],
  }))
  return {
    apiVersion: NETWORKING,
    kind: 'ServiceEntry',
    metadata: { name: member, namespace: NAMESPACE },
    spec: {
      hosts: [hostOf(member)],
      location: 'MESH_INTERNAL',
      resolution: 'STATIC',
      ports,
      workloadSelector: { labels: { 'app.kubernetes.io/name': member } },
    },
  }
}

function workloadEntry(pod: Pod): Resource {
  return {
    apiVersion: NETWORKING,
    kind: 'WorkloadEntry',
    metadata: { name: pod.name, namespace: pod.namespace },
    spec: {
      address: pod.address,
      labels: { ...labelsOf(pod), 'security.istio.io/tlsMode': 'istio' },
      serviceAccount: pod.member,
    },
  }
}

/** The member's own Sidecar for one pod: the same hosts, at its addresses. */
function sidecarOf(pod: Pod, ofMember: Resource): Resource {
  const [{ hosts } = { hosts: [] }] = ofMember.spec.egress as { hosts: string[] }[]
  // Stores and providers are reached directly here.
  const inside = hosts.filter((host) => host.endsWith(`.${NAMESPACE}.svc.cluster.local`))
  const ports = servicePorts(pod.member)
  return {
    ...ofMember,
    metadata: { name: pod.name, namespace: pod.namespace },
    spec: {
      ...ofMember.spec,
      workloadSelector: { labels: labelsOf(pod) },
      ingress: Object.entries(ports).map(([name, number]) => ({
        port: { name, number, protocol: PROTOCOLS[name] },
        bind: pod.address,
        captureMode: 'NONE',
        defaultEndpoint: `127.0.0.1:${pod.processPorts[name]}`,
      })),
      egress: [
        {
          bind: pod.outbound,
          captureMode: 'NONE',
          hosts: inside.length > 0 ? inside : [NO_HOST],
        },
      ],
    },
  }
}

/** On a port that needs no root, with a certificate from a file where the cluster has it in a secret. */
function localGateway(gateway: Resource, { certificate, key }: PublicCertificate): Resource {
  const [https] = gateway.spec.servers as readonly [{ port: object; tls: { credentialName: string } }]
  const { credentialName: _, ...tls } = https.tls
  return {
    ...gateway,
    spec: {
      ...gateway.spec,
      servers: [
        {
          ...https,
          port: { ...https.port, number: PUBLIC_PORT },
          hosts: [ANY_HOST],
          tls: { ...tls, serverCertificate: certificate, privateKey: key },
        },
      ],
    },
  }
}

/** The gateway's policy names the ports that it has here. */
function localGatewayPolicy(policy: Resource): Resource {
  return {
    ...policy,
    spec: { ...policy.spec, rules: [{ to: [{ operation: { ports: [String(PUBLIC_PORT)] } }] }] },
  }
}

const OF_ISTIO = /^(?:networking|security)\.istio\.io\//

export function standIns(
  applied: readonly Resource[],
  pods: readonly Pod[],
  certificate: PublicCertificate,
): readonly Resource[] {
  const members = [...new Set(pods.map(({ member }) => member))].filter(
    (member) => member !== GATEWAY.account,
  )
  const isPublic = ({ metadata }: Resource): boolean => metadata.namespace === GATEWAY.namespace
  const sidecars = new Map(
    applied.filter(({ kind }) => kind === 'Sidecar').map((sidecar) => [sidecar.metadata.name, sidecar]),
  )
  const kept = applied
    .filter(
      ({ apiVersion, kind }) => OF_ISTIO.test(apiVersion) && kind !== 'Sidecar' && kind !== 'ServiceEntry',
    )
    .map((resource) => {
      if (resource.kind === 'Gateway') return localGateway(resource, certificate)
      if (resource.kind === 'VirtualService' && isPublic(resource)) {
        return { ...resource, spec: { ...resource.spec, hosts: [ANY_HOST] } }
      }
      if (resource.kind === 'AuthorizationPolicy' && resource.metadata.name === 'public') {
        return localGatewayPolicy(resource)
      }
      return resource
    })
  const own = pods.flatMap((pod) => {
    const sidecar = sidecars.get(pod.member)
    return sidecar === undefined ? [] : [sidecarOf(pod, sidecar), workloadEntry(pod)]
  })
  return [...kept, ...members.map(serviceEntry), ...own]
}

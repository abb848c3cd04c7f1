/** How istiod and each pod's sidecar are started: Istio's own control plane and agent, with a real Envoy. */
import { cp, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ProcessSpec } from '@hushryd/local/child.ts'
import { HOST } from '@hushryd/local/ports.ts'
import { stringify } from 'yaml'
import { GATEWAY } from '../../members.ts'
import { type IstioTools, istioFile } from '../toolchain.ts'
import type { Certificate } from './certificates.ts'
import type { Pod } from './pods.ts'
import { labelsOf } from './stand-ins.ts'

export interface ControlPlane {
  /** Of configuration for proxies. */
  readonly port: number
  readonly httpPort: number
  readonly monitoringPort: number
}

const CONTROL_PLANE = 'istiod'

/**
 * istiod without Kubernetes: an empty cluster, and the folder as source of
 * configuration. It issues no certificates; the proxies have theirs as files.
 */
export function describeControlPlane(
  { discovery }: IstioTools,
  { port, httpPort, monitoringPort }: ControlPlane,
  files: { readonly configFolder: string; readonly meshConfig: string; readonly kubeconfig: string },
): ProcessSpec {
  return {
    name: CONTROL_PLANE,
    command: [
      discovery,
      'discovery',
      '--registries=Kubernetes',
      `--kubeconfig=${files.kubeconfig}`,
      `--configDir=${files.configFolder}`,
      `--meshConfig=${files.meshConfig}`,
      `--networksConfig=${files.configFolder}/none`,
      `--grpcAddr=${HOST}:${port}`,
      `--httpAddr=${HOST}:${httpPort}`,
      `--monitoringAddr=${HOST}:${monitoringPort}`,
      '--secureGRPCAddr=',
      '--httpsAddr=',
      '--ctrlz_port=0',
      '--log_output_level=default:warn',
    ],
    env: {
      ...process.env,
      POD_NAME: CONTROL_PLANE,
      POD_NAMESPACE: 'istio-system',
      ENABLE_LEADER_ELECTION: 'false',
      ISTIO_KUBE_CLIENT_CONTENT_TYPE: 'json',
      ENABLE_CA_SERVER: 'false',
      PILOT_CERT_PROVIDER: 'none',
      INJECTION_WEBHOOK_CONFIG_NAME: '',
      VALIDATION_WEBHOOK_CONFIG_NAME: '',
      // Filters that only Istio's own build of Envoy has: metrics and a hint in the TLS handshake.
      PILOT_ENABLE_METADATA_EXCHANGE: 'false',
      PILOT_ENABLE_ALPN_FILTER: 'false',
    },
    ready: {
      answers: async (_pid, signal) => (await fetch(`http://${HOST}:${httpPort}/ready`, { signal })).ok,
    },
  }
}

/** The agent looks for everything below the folder that it runs in. */
export async function prepareProxy(folder: string, identity: Certificate): Promise<void> {
  const credentials = join(folder, 'var/run/secrets/workload-spiffe-credentials')
  const template = join(folder, 'var/lib/istio/envoy')
  await Promise.all(
    [credentials, template, join(folder, 'etc/istio/proxy')].map((path) => mkdir(path, { recursive: true })),
  )
  await Promise.all([
    cp(identity.certificate, join(credentials, 'cert-chain.pem')),
    cp(identity.key, join(credentials, 'key.pem')),
    cp(identity.root, join(credentials, 'root-cert.pem')),
    cp(
      await istioFile('tools/packaging/common/envoy_bootstrap.json'),
      join(template, 'envoy_bootstrap_tmpl.json'),
    ),
  ])
}

export function describeProxy(
  pod: Pod,
  options: {
    readonly folder: string
    readonly agent: string
    readonly envoy: string
    readonly controlPlane: ControlPlane
  },
): ProcessSpec {
  const { folder, agent, envoy, controlPlane } = options
  const [adminPort, statusPort, metricsPort, agentPort] = pod.proxyPorts
  const proxyConfig = {
    binaryPath: envoy,
    configPath: './etc/istio/proxy',
    discoveryAddress: `${HOST}:${controlPlane.port}`,
    controlPlaneAuthPolicy: 'NONE',
    proxyAdminPort: adminPort,
    statusPort: agentPort,
    concurrency: 1,
    terminationDrainDuration: '2s',
    // All of Envoy's counters, which the checks look at.
    proxyStatsMatcher: { inclusionPrefixes: ['cluster', 'http', 'listener'] },
  }
  return {
    name: `proxy of ${pod.name}`,
    cwd: folder,
    command: [
      agent,
      'proxy',
      pod.member === GATEWAY.account ? 'router' : 'sidecar',
      `--domain=${pod.namespace}.svc.cluster.local`,
      '--proxyLogLevel=warning',
      '--log_output_level=default:warn',
    ],
    env: {
      ...process.env,
      PROXY_CONFIG: stringify(proxyConfig),
      INSTANCE_IP: pod.address,
      POD_NAME: pod.name,
      POD_NAMESPACE: pod.namespace,
      SERVICE_ACCOUNT: pod.member,
      TRUST_DOMAIN: 'cluster.local',
      ENVOY_STATUS_PORT: String(statusPort),
      ENVOY_PROMETHEUS_PORT: String(metricsPort),
      ISTIO_META_CLUSTER_ID: 'Kubernetes',
      // Nothing redirects connections to it: it listens where its Sidecar says.
      ISTIO_META_INTERCEPTION_MODE: 'NONE',
      ISTIO_METAJSON_LABELS: JSON.stringify(labelsOf(pod)),
      GRPC_XDS_BOOTSTRAP: '',
    },
    dependsOn: [CONTROL_PLANE],
    ready: {
      answers: async (_pid, signal) =>
        (await fetch(`http://${HOST}:${agentPort}/healthz/ready`, { signal })).ok,
    },
  }
}

export async function writeResources(folder: string, resources: readonly object[]): Promise<void> {
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'mesh.yaml'), resources.map((resource) => stringify(resource)).join('---\n'))
}

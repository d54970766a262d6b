/**
 * Writes the content of a registry as a declared file, with the certificates, profiles and anchors that it
 * names in the same folder.
 */
import { stringify } from 'yaml'
import type { ManagementApi } from '../client.ts'
import { inTurn } from './calls.ts'
import { makeFolder } from './folder.ts'
import { type Present, readPresent } from './read-present.ts'

/**
 * Writes into a new folder. Notifications of members are left out: they would need a call per member, and
 * mail addresses are not written to files unasked. Throws a CommandError.
 */
export async function writeDeclared(api: ManagementApi, folder: string): Promise<{ files: number }> {
  const present = await readPresent(api, { members: [] })
  const { put, count } = await makeFolder(folder)
  const written = new Map<string, string>()
  const fetched = async (sha256: string, url: string, ending: string): Promise<string> => {
    const known = written.get(sha256)
    if (known !== undefined) return known
    const { bytes } = await api.send({ method: 'GET', url: `/api/v1${url}`, headers: {}, body: undefined })
    const name = await put(`${sha256.slice(0, 32)}.${ending}`, bytes)
    written.set(sha256, name)
    return name
  }
  const certificate = (sha256: string): Promise<string> => fetched(sha256, `/certificates/${sha256}`, 'der')
  const declared = {
    ...(present.managementServiceProvider === undefined
      ? {}
      : { managementServiceProvider: present.managementServiceProvider }),
    ...(present.monitoringClient === undefined ? {} : { monitoringClient: present.monitoringClient }),
    memberClasses: present.memberClasses.map(({ code, description }) => ({ code, description })),
    certificateProfiles: await inTurn(present.certificateProfiles, ({ name, profile }) =>
      put(`${name}.json`, `${JSON.stringify(profile, null, 2)}\n`),
    ),
    certificationServices: await inTurn(present.certificationServices, (one) => service(one, certificate)),
    timestampingServices: await inTurn(
      present.timestampingServices,
      async ({ name, url, costType, sha256 }) => ({
        ...{ name, url, costType, certificate: await certificate(sha256) },
      }),
    ),
    members: members(present),
    securityServers: await inTurn(
      present.securityServers,
      async ({ id, address, certificates, clients }) => ({
        ...{ id, address, clients },
        authenticationCertificates: await inTurn(certificates, certificate),
      }),
      'servers',
    ),
    globalGroups: present.globalGroups.map(({ code, description, members: own }) => ({
      ...{ code, description, members: own },
    })),
    automaticApprovals: present.automaticApprovals.map(({ kind, memberClass }) => ({ kind, memberClass })),
    hostingMandates: present.hostingMandates
      .filter(({ state }) => state === 'inForce')
      .map(({ host, client, validUntil }) => ({ host, client, validUntil })),
    ...policies(present),
    externalAnchors: await inTurn(
      present.externalAnchors.filter(({ state }) => state === 'TRUSTED'),
      ({ sha256 }) => fetched(sha256, `/external-anchors/${sha256}/file`, 'xml'),
    ),
  }
  await put('registry.yaml', stringify(declared, { lineWidth: 0, aliasDuplicateObjects: false }))
  return { files: count() }
}

type Service = Present['certificationServices'][number]

async function service(of: Service, certificate: (sha256: string) => Promise<string>): Promise<object> {
  const authority = async ({ sha256, ocspResponders }: Service['authorities'][number]) => ({
    certificate: await certificate(sha256),
    ocspResponders: await inTurn(ocspResponders, async ({ url, costType, certificate: own }) => ({
      ...{ url, costType },
      ...(own === undefined ? {} : { certificate: await certificate(own.sha256) }),
    })),
  })
  const { name, certificateProfileInfo, authenticationOnly, defaultCsrFormat, acmeServer, authorities } = of
  const [top] = await inTurn(
    authorities.filter((one) => one.top),
    authority,
  )
  const intermediateCas = await inTurn(
    authorities.filter((one) => !one.top),
    authority,
  )
  const acme = acmeServer === undefined ? {} : { acmeServer }
  return {
    ...{ name, certificateProfileInfo, authenticationOnly, defaultCsrFormat },
    ...acme,
    ...top,
    intermediateCas,
  }
}

function members({ members: all, subsystems }: Present): object[] {
  const byMember = Map.groupBy(subsystems, ({ id }) => id.slice(0, id.lastIndexOf(':')))
  return all.map(({ id, name }) => ({
    ...{ id, name },
    subsystems: (byMember.get(id) ?? []).map((one) => ({
      code: one.id.slice(id.length + 1),
      ...(one.name ? { name: one.name } : {}),
    })),
  }))
}

/** Only the fields that can be set; the API's answer also has others. */
function policies({ contractPolicy, hostingPolicy, suspensionPolicy }: Present): object {
  const { contractRequired, approveAll, confirmedContacts } = contractPolicy
  return {
    contractPolicy: { contractRequired, approveAll, confirmedContacts },
    hostingPolicy: { mandateRequired: hostingPolicy['mandateRequired'] },
    suspensionPolicy: {
      perDay: suspensionPolicy['perDay'],
      leaveConfiguration: suspensionPolicy['leaveConfiguration'],
    },
  }
}

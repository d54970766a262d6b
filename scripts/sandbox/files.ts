/** Writes the files that a sandbox needs before its processes start: settings and PINs. */
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { makeWitnessKey, readWitnessKey } from '#platform/witness/witness-key.ts'
import { writeBenefitSettings } from './benefits.ts'
import {
  type Agency,
  agenciesOf,
  COMPANY_SERVICE,
  folderOf,
  type Layout,
  SERVER_PORTS,
  serverText,
  subsystemText,
} from './layout.ts'
import { askedByServer, mandatesText, writeMandateSettings } from './mandates.ts'
import { LOGIN_CLIENT, registryUrl, serverUrl, writePeople } from './people.ts'
import { COUNTER, PORTAL, portalUrl, trackersIn, writePortalSettings } from './portal.ts'
import { publicLogSettings } from './public-log.ts'
import { registrationCertificate } from './system-keys.ts'

/**
 * Whose logs are searched by person: the population register's, and in a living sandbox those of all who have
 * trackers.
 */
export function withSubjectKeys(layout: Layout): Agency[] {
  const { population } = layout.agencies
  return [population, ...trackersIn(layout).filter((agency) => agency !== population)]
}

/** Folder and settings of the process that has the subject keys of an agency. */
export function subjectKeysFolder({ agencies }: Layout, agency: Agency): string {
  return agency === agencies.population ? 'subject-keys' : `subject-keys-${agency.key}`
}

/**
 * Makes the folders and the processes' settings; keeps existing files. `catalogue`: whether the registry asks
 * providers on its own initiative. `now`: what the clock of the instance says.
 */
export async function writeSettings(layout: Layout, catalogue: boolean, now: number): Promise<void> {
  mkdirSync(layout.directory, { recursive: true, mode: 0o700 })
  const { trust, registry } = layout
  secret(folderOf(layout, 'trust.key'))
  write(
    folderOf(layout, 'trust.yaml'),
    `# The development trust services of the sandbox.
instance: ${layout.instance}
directory: ./trust
host: ${trust.address}
caPort: ${trust.caPort}
ocspPort: ${trust.ocspPort}
tsaPort: ${trust.tsaPort}
apiKeyFile: ./trust.key
openIdPort: ${trust.openIdPort}
openIdFile: ./openid.json
`,
  )
  mkdirSync(folderOf(layout, 'registry'), { recursive: true, mode: 0o700 })
  secret(folderOf(layout, 'registry/pin'))
  for (const { key } of agenciesOf(layout)) mkdirSync(folderOf(layout, key), { recursive: true, mode: 0o700 })
  if (layout.portal !== undefined)
    for (const one of [PORTAL, COUNTER]) mkdirSync(folderOf(layout, one), { recursive: true, mode: 0o700 })
  writePeople(layout)
  writePortalSettings(layout, issuerUrl(layout), mandatesText(layout))
  if (layout.portal !== undefined) writeMandateSettings(layout)
  writeBenefitSettings(layout)
  registrationCertificate(layout, new Date(now))
  write(
    folderOf(layout, 'registry.yaml'),
    `# The central registry of the sandbox.
directory: ./registry
database: sqlite:${folderOf(layout, 'registry/registry.db')}
pinFile: ./registry/pin
publicUrl: http://${registry.address}:${registry.publicPort}
public: { address: ${registry.address}, port: ${registry.publicPort} }
admin: { address: ${registry.address}, port: ${registry.adminPort}, initialApiKeyFile: ./registry/api-key }
witness: { name: ${REGISTRY_WITNESS} }
configuration: { outageGrace: true }
registration:
  address: ${registry.address}
  port: ${registry.registrationPort}
  certificateFile: ./registry/registration.pem
  keyFile: ./registry/registration.key
login:
  issuer: ${issuerUrl(layout)}
  clientId: ${LOGIN_CLIENT}
  clientSecretFile: ./registry/login-secret
  baseUrl: ${registryUrl(layout)}
  contact: whoever started this sandbox
${passkeysOf(layout, false)}  firstCodeFile: ./registry/code-1
  secondCodeFile: ./registry/code-2
${await publicLogSettings(layout)}${catalogue ? catalogueSettings(layout) : ''}`,
  )
  for (const agency of agenciesOf(layout)) writeServerSettings(layout, agency)
  for (const agency of withSubjectKeys(layout)) writeSubjectKeysSettings(layout, agency)
  writeCompanySettings(layout)
  await writeWitnessPolicies(layout)
}

/** The registry asks as a client of the first agency, which also runs the management services. */
function catalogueSettings(layout: Layout): string {
  const { population } = layout.agencies
  return `catalogue:
  securityServer: https://${population.address}:${SERVER_PORTS.https}
  client: ${subsystemText(layout, population)}
  certificateFile: ./population/system.pem
  keyFile: ./population/system.key
  authorityFile: ./trust/root.pem
`
}

function issuerUrl({ trust }: Layout): string {
  return `http://${trust.address}:${trust.openIdPort}`
}

function writeServerSettings(layout: Layout, agency: Agency): void {
  const { key, address } = agency
  secret(folderOf(layout, `${key}/pin`))
  const subjectKeys = withSubjectKeys(layout).includes(agency) ? subjectKeysOf(layout, agency) : ''
  const { portal } = layout
  const consents =
    portal === undefined
      ? ''
      : `consents: { portalUrl: '${portalUrl(portal)}/consents/asked', previewUrl: '${portalUrl(portal)}/previews/asked' }\n`
  write(
    folderOf(layout, `${key}.yaml`),
    `# The security server of the ${agency.name}.
server: ${serverText(layout, agency)}
directory: ./${key}
database: sqlite:${folderOf(layout, `${key}/server.db`)}
messageLogDatabase: sqlite:${folderOf(layout, `${key}/message-log.db`)}
pinFile: ./${key}/pin
peers: { address: ${address} }
allowedFederations: [all]
tryOuts: { clients: [${subsystemText(layout, agency)}] }
clients:
  http: { address: ${address}, port: ${SERVER_PORTS.http} }
  https: { address: ${address}, port: ${SERVER_PORTS.https} }
admin: { address: ${address}, port: ${SERVER_PORTS.admin}, initialApiKeyFile: ./${key}/api-key }
login:
  issuer: ${issuerUrl(layout)}
  clientId: ${key}
  clientSecretFile: ./${key}/login-secret
  baseUrl: ${serverUrl(layout, agency)}
  contact: whoever started this sandbox
${passkeysOf(layout, agency === layout.agencies.health)}witness: { name: ${witnessName(layout, agency)}${layout.archive === undefined ? '' : ', registryLog: true'} }
witnesses: { policyFile: ./${key}/witnesses.policy }
${subjectKeys}${noticesOf(layout, agency)}${consents}${askedByServer(layout, agency)}development: true
`,
  )
}

/**
 * People may sign in with passkeys where they have a name to make them for; acts of great weight need one at
 * the Health Agency.
 */
function passkeysOf({ names }: Layout, forActs: boolean): string {
  return names === undefined ? '' : `  passkeys: { forActs: ${forActs} }\n`
}

/** Who have trackers tell people by message, too: letters go to a folder. */
function noticesOf(layout: Layout, agency: Agency): string {
  const { portal } = layout
  if (portal === undefined || !trackersIn(layout).includes(agency)) return ''
  return `mail: { host: ${portal.address}, port: ${portal.mail}, tls: none, from: notices@${agency.key}.sandbox.example }
notices: { portal: '${portalUrl(portal)}' }
`
}

/**
 * The population register answers citizens who ask who requested their data. A separate process has the keys
 * of its index by person.
 */
function subjectKeysOf(layout: Layout, agency: Agency): string {
  const folder = subjectKeysFolder(layout, agency)
  const tracker = trackersIn(layout).includes(agency) ? `  trackerKeyFile: ./${folder}/tracker-key\n` : ''
  return `subjectKeys:
  socket: ./${folder}/socket
  indexKeyFile: ./${folder}/index-key
  searchKeyFile: ./${folder}/search-key
${tracker}`
}

function writeSubjectKeysSettings(layout: Layout, agency: Agency): void {
  const folder = subjectKeysFolder(layout, agency)
  const hasTracker = trackersIn(layout).includes(agency)
  mkdirSync(folderOf(layout, folder), { recursive: true, mode: 0o700 })
  for (const name of ['index-key', 'search-key', ...(hasTracker ? ['tracker-key'] : [])])
    secret(folderOf(layout, `${folder}/${name}`))
  write(
    folderOf(layout, `${folder}.yaml`),
    `# Who holds the keys by which the log of the ${agency.name} is searched for people.
server: ${serverText(layout, agency)}
directory: ./${folder}/keys
database: sqlite:${folderOf(layout, `${folder}/subject-keys.db`)}
indexKeyFile: ./${folder}/index-key
searchKeyFile: ./${folder}/search-key
${hasTracker ? `trackerKeyFile: ./${folder}/tracker-key\n` : ''}socket: ./${folder}/socket
`,
  )
}

function writeCompanySettings(layout: Layout): void {
  const { address, companies, companiesMonitoring } = layout.systems
  write(
    companySettings(layout),
    `# The SQL adapter of the ${layout.agencies.business.name}: its table of companies as a service.
listen: { address: ${address}, port: ${companies} }
monitoring: { address: ${address}, port: ${companiesMonitoring} }
service: { code: ${COMPANY_SERVICE}, title: Companies }
database: { kind: sqlite, file: ./companies.db }
limits: { connections: 1 }
logLevel: warn
resources:
  - path: /companies
    summary: Companies by code, town and date of foundation
    table: company
    key: [code]
    fields: &company
      code: { type: string, pattern: '^C[0-9]{8}$', filters: [in] }
      name: { type: string, filters: [prefix] }
      town: { type: string, filters: [eq] }
      founded: { type: date, filters: [ge, le], order: true }
  - path: /companies/{code}
    summary: One company
    table: company
    one: true
    fields: *company
`,
  )
}

/** The settings of the adapter that serves the business register's table. */
export function companySettings(layout: Layout): string {
  return folderOf(layout, 'companies.yaml')
}

const REGISTRY_WITNESS = 'registry.sandbox.example/witness'

function witnessName(layout: Layout, agency: Agency): string {
  return `${serverText(layout, agency)}/witness`
}

/**
 * The registry and the two other servers witness each log, and two of the three are enough. The keys are made
 * here, because the policies pin them.
 */
async function writeWitnessPolicies(layout: Layout): Promise<void> {
  const { address, publicPort } = layout.registry
  const keyOf = async (folder: string, name: string): Promise<string> => {
    const file = folderOf(layout, `${folder}/witness-key.pem`)
    if (!existsSync(file)) makeWitnessKey(file)
    return (await readWitnessKey(file, name)).verifierKey
  }
  const registry = await keyOf('registry', REGISTRY_WITNESS)
  const agencies = await Promise.all(
    agenciesOf(layout).map(async (agency) => ({
      agency,
      line: `witness ${agency.key} ${await keyOf(agency.key, witnessName(layout, agency))} peer:${serverText(layout, agency)}`,
    })),
  )
  for (const { key } of agenciesOf(layout)) {
    const others = agencies.filter(({ agency }) => agency.key !== key)
    const names = ['registry', ...others.map(({ agency }) => agency.key)]
    write(
      folderOf(layout, `${key}/witnesses.policy`),
      `# Who cosigns the signed states of this server's message log (C2SP tlog-policy).
witness registry ${registry} http://${address}:${publicPort}/witness
${others.map(({ line }) => line).join('\n')}
group witnesses 2 ${names.join(' ')}
quorum witnesses
`,
    )
  }
}

function secret(file: string): void {
  if (!existsSync(file)) writeFileSync(file, `${randomBytes(24).toString('base64url')}\n`, { mode: 0o600 })
}

function write(file: string, text: string): void {
  writeFileSync(file, text, { mode: 0o600 })
}

/**
 * Shows one exchange of the sandbox step by step, from both sides, then a refused one. Every step is checked.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { readableName } from '#core/certificate/name.ts'
import { readContainer } from '#core/container/read-container.ts'
import { verifyContainer } from '#core/container/verify-container.ts'
import { judgeBundle } from '#core/evidence-bundle/judge-bundle.ts'
import { readBundle } from '#core/evidence-bundle/read-bundle.ts'
import { parseWitnessPolicy } from '#core/merkle/witness-policy.ts'
import { printable, printableJson } from '#platform/plain-text.ts'
import { loadConfiguration } from '../verify/load-configuration.ts'
import type { Asked } from './agencies/asking-agency.ts'
import { companySettings } from './files.ts'
import { type Agency, agenciesOf, folderOf, subsystemText } from './layout.ts'
import { until } from './own-system.ts'
import { agencyLoginsOf, citizensPassword, clerksPassword, loginsOf, registryUrl } from './people.ts'
import { sayPortal } from './portal.ts'
import { sayPublicLog } from './public-log.ts'
import type { Instance } from './running.ts'
import { sayWhatWaits } from './say-what-waits.ts'
import { showContract } from './show-contract.ts'
import { showDelivery } from './show-delivery.ts'
import { showSubscription } from './show-subscription.ts'

type Say = (line: string) => void

type ListedRecord = {
  index: number
  kind: string
  direction: string
  outcome: string
  answers: number | null
  time: string
}

const DEMONSTRATED_PERSON = 'P00000042'

/** Runs both exchanges. Throws with the reason when a step fails. */
export async function demonstrate(instance: Instance, sayAloud: Say): Promise<void> {
  // Answers contain text from other people, so control characters are made visible.
  const say: Say = (line) => sayAloud(printable(line))
  const { agencies } = instance.layout
  const { person, id } = await askOnce(instance, say)
  for (const [agency, role] of [
    [agencies.tax, 'consumer'],
    [agencies.population, 'provider'],
  ] as const) {
    await showSide(instance, agency, role, id, say)
  }
  say('')
  await showSoap(instance, say)
  say('')
  await showContract(instance, person.familyName, say)
  say('')
  await showTable(instance, say)
  say('')
  await showDelivery(instance, say)
  say('')
  await showSubscription(instance, say)
  say('')
  say('The Business Agency, which has no right to ask, tries the same:')
  const refused = await ask(instance, instance.layout.systems.businessRegister)
  if (refused.status < 400 || refused.error?.endsWith('.access_denied') !== true) {
    throw new Error(`the request without a right was not refused: ${describe(refused)}`)
  }
  say(`  refused         ${refused.error}`)
  say(`  because         ${(refused.body as { message: string }).message}`)
  const records = await recordsOf(instance, agencies.population, { outcome: 'access_denied' })
  if (records[0] === undefined) throw new Error('the refusal is not in the log of the population register')
  say(`  on record       ${agencies.population.name}, index ${records[0].index}, signed by the refusing side`)
  await showCatalogue(instance, say)
}

/**
 * One exchange about the person who can sign in at the portal. Throws with the reason when it is not
 * answered.
 */
export async function askOnce(
  instance: Instance,
  sayAloud: Say,
): Promise<{ person: { givenName: string; familyName: string }; id: string }> {
  sayAloud(`The Tax Agency asks the population register for ${DEMONSTRATED_PERSON}:`)
  const asked = await ask(instance, instance.layout.systems.taxAgency)
  if (asked.status !== 200 || asked.id === undefined)
    throw new Error(`the exchange failed: ${describe(asked)}`)
  const person = asked.body as { givenName: string; familyName: string }
  const names = printable(`${person.givenName} ${person.familyName}`)
  sayAloud(`  answered        ${names} (synthetic), message id ${printable(asked.id)}`)
  return { person, id: asked.id }
}

/** The same question by SOAP: the document of the agency's system is what is signed and logged. */
async function showSoap(instance: Instance, say: Say): Promise<void> {
  const { systems, agencies } = instance.layout
  say(`The Tax Agency asks the same by SOAP:`)
  const where = `http://${systems.address}:${systems.taxAgency}/soap/persons/${DEMONSTRATED_PERSON}`
  const reply = await fetch(where)
  const answer = await reply.text()
  const textOf = (name: string): string => new RegExp(`<${name}>([^<]*)<`).exec(answer)?.[1] ?? '?'
  if (!answer.includes('<xrd:requestHash'))
    throw new Error(`the SOAP exchange failed: ${answer.slice(0, 500)}`)
  const id = reply.headers.get('x-road-id') ?? ''
  say(`  answered        ${textOf('givenName')} ${textOf('familyName')} (synthetic), message id ${id}`)
  say('  its header      names the hash of the request, which the provider signed with it')
  for (const [agency, role] of [
    [agencies.tax, 'consumer'],
    [agencies.population, 'provider'],
  ] as const)
    await showSide(instance, agency, role, id, say, `${agency.key}-soap`)
}

/** A table of the business register, which the SQL adapter serves: there is no program of the agency. */
async function showTable({ layout }: Instance, say: Say): Promise<void> {
  const { systems } = layout
  say('The Tax Agency reads a table of the Business Agency, which the SQL adapter serves:')
  const where = `http://${systems.address}:${systems.taxAgency}/companies/of/Midvale`
  const reply = await fetch(where)
  const text = await reply.text()
  if (reply.status !== 200) throw new Error(`the table was not read: ${reply.status} ${text.slice(0, 500)}`)
  const { items } = JSON.parse(text) as { items: { code: string; name: string; founded: string }[] }
  for (const { code, name, founded } of items)
    say(`  answered        ${code} ${name}, founded ${founded} (synthetic)`)
  say(`  its mapping     ${companySettings(layout)}; message id ${reply.headers.get('x-road-id')}`)
}

async function showCatalogue({ registry, layout }: Instance, say: Say): Promise<void> {
  await registry.send('POST', '/catalogue/collect')
  const services = await registry.get<{ id: string; title: string }[]>('/catalogue?status=offered')
  const [first] = services
  if (first === undefined) throw new Error('the catalogue of the registry holds no service')
  say('')
  say(`The catalogue of the registry ${layout.instance}, collected through metadata services:`)
  for (const { id, title } of services) say(`  offered         ${title === '' ? '' : `${title}, `}${id}`)
}

async function ask(instance: Instance, port: number): Promise<Asked> {
  const reply = await fetch(
    `http://${instance.layout.systems.address}:${port}/persons/${DEMONSTRATED_PERSON}`,
  )
  const body: unknown = await reply.json()
  const error = (body as { type?: string }).type
  return { status: reply.status, id: reply.headers.get('x-road-id') ?? undefined, error, body }
}

/** A person who reads a message has to state the case and the reason; the audit log records both. */
const WHY = new URLSearchParams({ case: 'demonstration', reason: 'shows what an auditor gets' }).toString()

/**
 * Shows the records of one side with signer and time-stamp, verified from the container that an auditor would
 * get.
 */
async function showSide(
  instance: Instance,
  agency: Agency,
  role: string,
  id: string,
  say: Say,
  /** What the names of its files begin with. */
  files: string = agency.key,
): Promise<void> {
  const api = instance.servers[agency.key]!
  await api.send('POST', '/message-log/time-stamp')
  await haveCosigned(api)
  const records = await recordsOf(instance, agency, { queryId: id })
  const own = folderOf(instance.layout, `${agency.key}/configuration/current/globalconf`)
  const { indexes, own: instanceId } = await loadConfiguration(own, new Date())
  if (records.length !== 2)
    throw new Error(`${agency.name} has ${records.length} records of the exchange instead of 2`)
  say(`  ${agency.name} (${role})`)
  for (const record of records.sort((a, b) => a.index - b.index)) {
    const container = await api.getBytes(`/message-log/records/${record.index}/container?${WHY}`)
    const file = folderOf(instance.layout, `${files}-${record.kind}.asice`)
    writeFileSync(file, container)
    const verdict = await verifyContainer({
      container: await readContainer(container),
      configuration: indexes,
      ...{ own: instanceId, now: new Date() },
    })
    if (verdict.verdict !== 'TOTAL-PASSED') throw new Error(`${file}: ${verdict.verdict}, ${verdict.reason}`)
    const certificate = verdict.signingCertificate
    if (certificate === undefined || verdict.timeStamp === undefined)
      throw new Error(`${file} is not signed and stamped`)
    const place = `${record.kind.padEnd(8)}index ${record.index}`
    say(`    ${place}  ${verdict.verdict}, time-stamped ${verdict.timeStamp.time.toISOString()}`)
    say(
      `      signed by ${readableName(certificate.subject)} (certificate ${certificate.sha256.slice(0, 16)})`,
    )
  }
  const file = folderOf(instance.layout, `${files}-evidence.zip`)
  await showBundle(instance, agency, { index: records[1]!.index, file }, indexes, say)
}

/**
 * A witness that has just started may be slow: a tree head that is asked for again and again has the quorum
 * in the end.
 */
async function haveCosigned(api: Instance['servers'][string]): Promise<void> {
  type Headed = { quorum: { lateSince: string | null } | null }
  await until('the cosignatures of a quorum of witnesses', async () => {
    const { quorum } = await api.send<Headed>('POST', '/message-log/checkpoint')
    return (quorum?.lateSince ?? null) === null || undefined
  })
}

/** Verifies the bundle of the whole exchange, like somebody who has no other data. */
async function showBundle(
  instance: Instance,
  agency: Agency,
  { index, file }: { index: number; file: string },
  configuration: Parameters<typeof judgeBundle>[0]['configuration'],
  say: Say,
): Promise<void> {
  const bytes = await instance.servers[agency.key]!.getBytes(
    `/message-log/records/${index}/evidence-bundle?${WHY}`,
  )
  writeFileSync(file, bytes)
  const bundle = await readBundle(bytes)
  const witnesses = parseWitnessPolicy(
    readFileSync(folderOf(instance.layout, `${agency.key}/witnesses.policy`), 'utf8'),
  )
  const { verdict, reason, checkpoints } = await judgeBundle({
    ...{ bundle, configuration, witnesses },
    now: new Date(),
  })
  if (verdict !== 'TOTAL-PASSED') throw new Error(`${file}: ${verdict}, ${reason}`)
  say(
    `    bundle  ${verdict}, both in the log under a signed state of ${checkpoints[0]!.size} records that the owner signed`,
  )
  say(`      cosigned by ${checkpoints[0]!.witnesses!.names.join(', ')}`)
}

async function recordsOf(
  instance: Instance,
  agency: Agency,
  filter: Record<string, string>,
): Promise<ListedRecord[]> {
  const query = new URLSearchParams({ limit: '10', ...filter })
  return instance.servers[agency.key]!.get<ListedRecord[]>(`/message-log/records?${query}`)
}

function describe(asked: Asked): string {
  return `${asked.status} ${printableJson(asked.body).slice(0, 300)}`
}

/** Prints what to try next: addresses, a curl line, the place of the evidence. */
export function sayWhatNext(instance: Pick<Instance, 'layout' | 'installed'>, say: Say): void {
  const { layout } = instance
  const { tax, population } = layout.agencies
  const service = `${subsystemText(layout, population)}/persons`
  const own = folderOf(layout, 'tax')
  say('')
  say('Try it yourself:')
  say(
    `  curl --cacert ${folderOf(layout, 'trust/root.pem')} --cert ${own}/system.pem --key ${own}/system.key \\`,
  )
  say(
    `    -H 'X-Road-Client: ${subsystemText(layout, tax)}' https://${tax.address}:8443/r1/${service}/persons/P00000007`,
  )
  say('  Verify the evidence offline:')
  say(
    `    npm exec -- concordat verify ${folderOf(layout, 'tax-evidence.zip')} --conf ${own}/configuration/current/globalconf`,
  )
  say('')
  say('Where everything is:')
  for (const agency of agenciesOf(layout)) {
    say(
      `  ${agency.name.padEnd(18)} peers ${agency.address}:5500  systems https://${agency.address}:8443  management http://${agency.address}:4000/api/v1`,
    )
  }
  say(
    `  Central registry   configuration http://${layout.registry.address}:${layout.registry.publicPort}/internalconf?version=6  management http://${layout.registry.address}:4000/api/v1`,
  )
  say(
    `  Its console        ${registryUrl(layout)}/console/  sign in at the provider (passwords also in ${folderOf(layout, 'openid.json')}):`,
  )
  for (const login of loginsOf(layout)) say(`    ${login}`)
  if (!instance.installed)
    say(
      `    two of them become administrators by the codes in ${folderOf(layout, 'registry/code-1')} and code-2`,
    )
  say(
    `  Agencies' consoles sign in at the provider; administrators use the API key in ${folderOf(layout, 'tax/api-key')} and its kin:`,
  )
  for (const login of agencyLoginsOf(layout)) say(`    ${login}`)
  if (layout.portal !== undefined)
    for (const line of sayPortal(layout, citizensPassword(layout), clerksPassword(layout))) say(line)
  for (const line of sayPublicLog(layout)) say(line)
  say(`  Trust services     CA http://${layout.trust.address}:8888  OCSP :8889  TSA :8899`)
  say(
    `  Agencies' systems  http://${layout.systems.address}: population register :9001, tax agency :9002, business register :9003, its SQL adapter :9004`,
  )
  say(
    `  Logs, keys, API keys, message logs: ${layout.directory} (one folder an agency; <name>.log is the process's log)`,
  )
  sayWhatWaits(layout, say)
}

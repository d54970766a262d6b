/** A whole instance on this machine: starts its processes in order and, the first time, sets it up over the management APIs. */
import { execFile } from 'node:child_process'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { type Approve, admitByRequest, approveByKey, approveByTwo } from './admit-by-request.ts'
import { openApi as describedApi } from './agencies/population-register.ts'
import { POPULATION_WSDL } from './agencies/population-wsdl.ts'
import { type Api, openApi } from './client.ts'
import { companySettings, SANDBOX_VERSION, SUBJECT_KEYS, systemCertificate, writeSettings } from './files.ts'
import { type Administrators, arrive, installRegistry, inviteReaders } from './install-registry.ts'
import {
  type Agency,
  agenciesOf,
  COMPANY_SERVICE,
  folderOf,
  type Layout,
  POPULATION_SERVICE,
  SERVER_PORTS,
  subsystemText,
} from './layout.ts'
import { invitedAt, peopleOf } from './people.ts'
import { type Started, scriptCommand, serverCommand, startProcess } from './processes.ts'
import { setUpRegistry } from './set-up-registry.ts'
import {
  refreshServer,
  registerByHand,
  setUpAdapter,
  setUpClient,
  setUpInbox,
  setUpRoom,
  setUpServer,
  setUpService,
  setUpSoapServices,
} from './set-up-server.ts'

export type Instance = {
  layout: Layout
  registry: Api
  /** Whether the installation ceremony is done, so that changes of trust need two persons. */
  installed: boolean
  servers: Record<string, Api>
  processes: Started[]
  stop(): Promise<void>
}

/** Reports the progress; `part` is finished when `done` is called. */
export type Progress = { begin(part: string): { done(what?: string): void } }

type InstanceOptions = {
  layout: Layout
  progress: Progress
  fresh: boolean
  /** Whether the sandbox goes through the installation ceremony; without it the operator's key acts alone. */
  install: boolean
  /** Whether the registry asks providers what they offer. These exchanges are in the logs too. */
  catalogue: boolean
  /** Environment variables for the security servers, in addition to their settings files. */
  environment?: Record<string, string>
  onExit(name: string, why: string): void
}

/** Starts everything. When a step fails, stops what has been started. */
export async function startInstance(q: InstanceOptions): Promise<Instance> {
  const { layout, progress, onExit } = q
  const stamp = folderOf(layout, 'sandbox-version')
  const known = existsSync(stamp) ? readFileSync(stamp, 'utf8').trim() : undefined
  if (q.fresh || (known !== undefined && known !== SANDBOX_VERSION))
    rmSync(layout.directory, { recursive: true, force: true })
  const isNew = q.fresh || known !== SANDBOX_VERSION
  if (isNew) rmSync(layout.directory, { recursive: true, force: true })
  await writeSettings(layout, q.catalogue)

  const processes: Started[] = []
  const stop = async (): Promise<void> => {
    // Stops the callers before the servers that they call.
    for (const started of [...processes].reverse()) await started.stop()
  }
  const start = async (
    name: string,
    command: string[],
    args: string[],
    environment?: Record<string, string>,
  ): Promise<void> => {
    const step = progress.begin(name)
    processes.push(
      await startProcess({ name, command, args, directory: layout.directory, environment, onExit }),
    )
    step.done()
  }
  const settings = (name: string): string[] => ['--configuration', folderOf(layout, `${name}.yaml`)]

  try {
    await Promise.all([
      buildPages(progress),
      start('trust services', serverCommand('trust-services'), settings('trust')),
      start('central registry', serverCommand('central-registry'), settings('registry')),
      start('subject keys of the Population Agency', serverCommand('subject-keys'), settings(SUBJECT_KEYS)),
    ])
    const registry = await openApi(
      `http://${layout.registry.address}:${layout.registry.adminPort}/api/v1`,
      folderOf(layout, 'registry/api-key'),
    )
    if (isNew) await setUpRegistry(registry, layout)
    const systems = await systemCertificates(layout)
    // In parallel with the start of the servers, because the first login has to load code in provider and registry.
    const arriving = isNew && q.install ? arrive(layout) : undefined
    // The error is reported where `arriving` is awaited; until then it must not end the process.
    arriving?.catch(() => undefined)
    await Promise.all(
      agenciesOf(layout).map(({ key, name }) =>
        start(
          `security server of the ${name}`,
          serverCommand('security-server'),
          settings(key),
          q.environment,
        ),
      ),
    )
    const servers: Record<string, Api> = {}
    for (const { key, address } of agenciesOf(layout)) {
      servers[key] = await openApi(
        `http://${address}:${SERVER_PORTS.admin}/api/v1`,
        folderOf(layout, `${key}/api-key`),
      )
    }
    if (isNew) await setUpServers({ layout, registry, servers, systems, progress, arriving })
    else await Promise.all(Object.values(servers).map(refreshServer))
    writeFileSync(folderOf(layout, 'agencies.json'), JSON.stringify(agencySettings(layout), undefined, 2), {
      mode: 0o600,
    })
    await start(
      'systems of the agencies',
      scriptCommand(new URL('agencies/main.ts', import.meta.url).pathname),
      [folderOf(layout, 'agencies.json')],
    )
    writeFileSync(stamp, `${SANDBOX_VERSION}\n`)
    const { fourEyes: installed } = await registry.get<{ fourEyes: boolean }>('/system')
    return { layout, registry, installed, servers, processes, stop }
  } catch (cause) {
    await stop()
    throw cause
  }
}

/** Builds the pages in a process of its own, so that its memory is freed afterwards. */
async function buildPages(progress: Progress): Promise<void> {
  const step = progress.begin('web pages')
  await promisify(execFile)(path.join(import.meta.dirname, '../concordat'), ['console'])
  step.done()
}

/** Certificates of the agencies' systems, by agency. */
async function systemCertificates(layout: Layout): Promise<Record<string, Buffer>> {
  const systems: Record<string, Buffer> = {}
  for (const { key } of agenciesOf(layout)) {
    systems[key] = await systemCertificate(layout, `${key}/system`, `${key} system`)
  }
  return systems
}

async function setUpServers(q: {
  layout: Layout
  registry: Api
  servers: Record<string, Api>
  systems: Record<string, Buffer>
  progress: Progress
  /** The persons who install the registry after the operator's set-up; undefined when there is no ceremony. */
  arriving: Promise<Administrators> | undefined
}): Promise<void> {
  const { layout, registry, servers } = q
  const step = q.progress.begin('keys, certificates, registrations, access rights')
  await registry.send('POST', '/configuration/publish')
  const anchor = await registry.getBytes('/configuration/anchors/internal')
  const prepare = async (agency: Agency): Promise<{ sha256: string; pem: Buffer }> => {
    const server = servers[agency.key]!
    const certificate = await setUpServer({ server, anchor, layout, agency })
    await setUpClient({ server, layout, agency, certificate: q.systems[agency.key]! })
    for (const person of invitedAt(layout, agency, 'auditor')) await server.send('POST', '/people', person)
    return certificate
  }
  const { business } = layout.agencies
  const [joining] = await Promise.all([
    prepare(business),
    ...agenciesOf(layout)
      .filter((agency) => agency !== business)
      .map(async (agency) => {
        const { pem } = await prepare(agency)
        await registerByHand({ registry, layout, agency, certificate: pem })
      }),
  ])
  const admit = async (approve: Approve, by: string): Promise<void> => {
    const step = q.progress.begin(`admission of the ${business.name}`)
    const server = servers[business.key]!
    step.done(
      `${await admitByRequest({ server, layout, agency: business, certificate: joining.sha256, approve })}, ${by}`,
    )
  }
  if (q.arriving === undefined) await admit(approveByKey(registry), 'the operator approved both')
  else await withAdministrators(await q.arriving, layout, q.progress, admit)
  await setUpService({
    server: servers[layout.agencies.population.key]!,
    layout,
    serviceCode: POPULATION_SERVICE,
    document: JSON.stringify(describedApi),
    url: `http://${layout.systems.address}:${layout.systems.populationRegister}`,
  })
  await setUpSoapServices({
    server: servers[layout.agencies.population.key]!,
    layout,
    document: POPULATION_WSDL,
    url: `http://${layout.systems.address}:${layout.systems.populationRegister}/soap`,
  })
  await setUpInbox({ server: servers[layout.agencies.population.key]!, layout })
  await setUpRoom({ servers, layout })
  await setUpAdapter({
    server: servers[business.key]!,
    layout,
    url: `http://${business.address}:${SERVER_PORTS.admin}`,
    keyFile: folderOf(layout, `${business.key}/api-key`),
  })
  await registry.send('POST', '/configuration/publish')
  await Promise.all(Object.values(servers).map(refreshServer))
  step.done()
}

/** The operator has set up everything that comes before the ceremony; from here on two persons are needed. */
async function withAdministrators(
  two: Administrators,
  layout: Layout,
  progress: Progress,
  admit: (approve: Approve, by: string) => Promise<void>,
): Promise<void> {
  try {
    const step = progress.begin('installation ceremony')
    await installRegistry(two, layout)
    const [anna, ben] = peopleOf(layout)
    step.done(
      `${anna!.name} and ${ben!.name} redeemed the two codes; what trust hangs on takes both from now on`,
    )
    await admit(approveByTwo(two), `${anna!.name} proposed to approve both, ${ben!.name} agreed`)
    await inviteReaders(two, layout)
  } finally {
    await Promise.all(two.map((one) => one.close()))
  }
}

function agencySettings(layout: Layout): object {
  const { systems, agencies } = layout
  const asker = (agency: (typeof agencies)['tax'], port: number): object => ({
    port,
    securityServerUrl: `https://${agency.address}:${SERVER_PORTS.https}`,
    client: subsystemText(layout, agency),
    certificateFile: folderOf(layout, `${agency.key}/system.pem`),
    keyFile: folderOf(layout, `${agency.key}/system.key`),
  })
  return {
    directory: layout.directory,
    address: systems.address,
    populationRegisterPort: systems.populationRegister,
    service: `${subsystemText(layout, agencies.population)}/${POPULATION_SERVICE}`,
    companyService: `${subsystemText(layout, agencies.business)}/${COMPANY_SERVICE}`,
    companySettingsFile: companySettings(layout),
    authorityFile: folderOf(layout, 'trust/root.pem'),
    askers: [asker(agencies.tax, systems.taxAgency), asker(agencies.business, systems.businessRegister)],
  }
}

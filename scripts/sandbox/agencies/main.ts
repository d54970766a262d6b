/**
 * The agencies' own systems in one process: the population register, the tax agency and business register
 * that query it, and the SQL adapter that serves the business register's table.
 */
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { readSettings, serveAdapter } from '#adapters/kit/serve-adapter.ts'
import { sqlAdapter } from '#adapters/sql/adapter.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { runProcess } from '#platform/process/run-process.ts'
import type { Archive } from './archive.ts'
import { createAskingAgency } from './asking-agency.ts'
import { createBenefitsOffice, type Office } from './benefits-office.ts'
import { fillCompanies } from './company-store.ts'
import { createIncomes, createInsured } from './living-registers.ts'
import { createMailFolder } from './mail-folder.ts'
import { createPopulationRegister } from './population-register.ts'
import { openPersonStore } from './store.ts'

type Asker = {
  port: number
  securityServerUrl: string
  client: string
  certificateFile: string
  keyFile: string
}
type Settings = {
  directory: string
  address: string
  populationRegisterPort: number
  service: string
  companyService: string
  companySettingsFile: string
  /** Of the register of mandates, which only a living sandbox has. */
  mandateSettingsFile?: string
  /** Of the portal for clerks at a counter. */
  counterSettingsFile?: string
  /** The ports of the registers that only a living sandbox has. */
  registers?: { incomes: number; insured: number }
  /**
   * What a living sandbox has besides: the office that decides on benefits, and the service that offers them.
   */
  office?: Office & Asker
  offersFile?: string
  /** What a living sandbox has: where letters to people are kept. */
  mail?: { address: string; port: number; directory: string }
  /** What a living sandbox has: who witnesses the registry's transparency log. */
  archive?: Archive
  authorityFile: string
  askers: Asker[]
}

async function tlsOf(q: Pick<Asker, 'certificateFile' | 'keyFile'>, trusted: string) {
  const [certificate, key] = await Promise.all([
    readFile(q.certificateFile, 'utf8'),
    readFile(q.keyFile, 'utf8'),
  ])
  return { certificate, key, trusted }
}

/** What a lean sandbox does not have is not loaded there. */
async function serveOffers(file: string) {
  const { lifeEvents } = await import('#adapters/life-events/adapter.ts')
  return serveAdapter(lifeEvents, await readSettings(lifeEvents, file, {}), log)
}

const log = createLog({ name: 'agencies', level: 'warn' })

await runProcess({
  name: 'agencies',
  log,
  async start() {
    const settings = JSON.parse(await readFile(process.argv[2] ?? '', 'utf8')) as Settings
    const store = openPersonStore(path.join(settings.directory, 'population-register.db'))
    const register = createPopulationRegister(store)
    await register.listen({ host: settings.address, port: settings.populationRegisterPort })
    const living =
      settings.registers === undefined
        ? []
        : [
            { app: createIncomes(), port: settings.registers.incomes },
            { app: createInsured(), port: settings.registers.insured },
          ]
    for (const { app, port } of living) await app.listen({ host: settings.address, port })
    fillCompanies(path.join(settings.directory, 'companies.db'))
    const companies = await serveAdapter(
      sqlAdapter,
      await readSettings(sqlAdapter, settings.companySettingsFile, {}),
      log,
    )
    // A lean sandbox loads none of it.
    const acting =
      settings.mandateSettingsFile === undefined || settings.counterSettingsFile === undefined
        ? undefined
        : await import('./serve-acting.ts').then(({ serveActing }) =>
            serveActing(settings.mandateSettingsFile!, settings.counterSettingsFile!, log),
          )
    const authority = await readFile(settings.authorityFile, 'utf8')
    const office =
      settings.office &&
      createBenefitsOffice({ office: settings.office, tls: await tlsOf(settings.office, authority), log })
    if (office !== undefined) await office.listen({ host: settings.address, port: settings.office!.port })
    const offers = settings.offersFile === undefined ? undefined : await serveOffers(settings.offersFile)
    const archive =
      settings.archive &&
      (await import('./archive.ts').then(({ serveArchive }) => serveArchive(settings.archive!, log)))
    const mail = settings.mail && createMailFolder({ ...settings.mail, now: Date.now })
    if (mail !== undefined)
      await once(mail.listen({ host: settings.mail!.address, port: settings.mail!.port }), 'listening')
    const askers = await Promise.all(
      settings.askers.map(async (asker) => {
        const [certificate, key] = await Promise.all([
          readFile(asker.certificateFile, 'utf8'),
          readFile(asker.keyFile, 'utf8'),
        ])
        const app = createAskingAgency({
          ...{ ...asker, service: settings.service, companyService: settings.companyService },
          certificate,
          key,
          authority,
        })
        await app.listen({ host: settings.address, port: asker.port })
        return app
      }),
    )
    return {
      ready: `population register with ${store.count()} persons`,
      async stop() {
        await Promise.all([register, ...living.map(({ app }) => app), ...askers].map((app) => app.close()))
        await companies.stop()
        await offers?.stop()
        await office?.close()
        mail?.close()
        await acting?.stop()
        await archive?.stop()
        store.close()
      },
    }
  },
})

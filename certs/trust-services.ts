/** Starts the CA, the OCSP responder and the TSA of one authority, each on its own port, in this process. */
import type { AddressInfo } from 'node:net'
import type { Clock } from '#platform/clock.ts'
import { createLog, type Log } from '#platform/logging/create-log.ts'
import type { Authority } from './authority.ts'
import { createCaApp } from './ca/app.ts'
import { createOcspApp } from './ocsp-responder/app.ts'
import type { ServiceApp } from './service-app.ts'
import { changeSwitch, type FaultMode, type Service } from './switches.ts'
import { createTsaApp } from './tsa/app.ts'

type TrustServicesQuestion = {
  authority: Authority
  host: string
  /** 0 or undefined: any free port. */
  caPort?: number | undefined
  ocspPort?: number | undefined
  tsaPort?: number | undefined
  /** By default the authority's clock. */
  clock?: Clock
  /** By default nothing is logged. */
  log?: Log
  /** Enables /admin/switch and revocations; without it they are disabled. */
  apiKey?: string | undefined
}

type TrustServices = {
  caUrl: string
  ocspUrl: string
  tsaUrl: string
  /** Switches a fault on; 'none' switches it off. `delayMs` is for 'slow', 30 s by default. */
  fault(service: Service, mode: FaultMode, delayMs?: number): void
  /** Moves the clock of one service, or of all services. */
  setClockOffset(service: Service | 'all', offsetMs: number): void
  close(): Promise<void>
}

/** Resolves when all three listen. If one cannot listen, the others are closed. */
export async function startTrustServices(q: TrustServicesQuestion): Promise<TrustServices> {
  const settings = {
    log: q.log ?? createLog({ name: 'trust-services', level: 'silent' }),
    clock: q.clock ?? q.authority.clock,
    apiKey: q.apiKey,
  }
  const apps: Record<Service, ServiceApp> = {
    ca: createCaApp(q.authority, settings),
    ocsp: createOcspApp(q.authority, settings),
    tsa: createTsaApp(q.authority, settings),
  }
  const close = async (): Promise<void> => {
    await Promise.all(Object.values(apps).map((service) => service.stop()))
  }
  try {
    const [caUrl, ocspUrl, tsaUrl] = await Promise.all([
      listen(apps.ca, q.host, q.caPort),
      listen(apps.ocsp, q.host, q.ocspPort),
      listen(apps.tsa, q.host, q.tsaPort),
    ])
    return {
      caUrl,
      ocspUrl,
      tsaUrl,
      fault: (service, mode, delayMs) => {
        changeSwitch(apps[service].state, { mode, ...(delayMs !== undefined && { delayMs }) })
      },
      setClockOffset: (service, clockOffsetMs) => {
        const chosen = service === 'all' ? Object.values(apps) : [apps[service]]
        for (const { state } of chosen) changeSwitch(state, { clockOffsetMs })
      },
      close,
    }
  } catch (thrown) {
    await close()
    throw thrown
  }
}

async function listen({ app }: ServiceApp, host: string, port = 0): Promise<string> {
  await app.listen({ host, port })
  return `http://${host.includes(':') ? `[${host}]` : host}:${(app.server.address() as AddressInfo).port}`
}

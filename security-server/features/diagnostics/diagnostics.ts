/** The state of each part of the server in words, with a remedy for each fault. */
import type { Finding } from '#platform/health/create-health.ts'
import type { Handlers } from '#platform/http-service/openapi.ts'
import { VERSION } from '#platform/process/version.ts'
import { asFault, toldBy } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import { say, type Word } from '#schemas/said.ts'
import { LIST_GOOD_MS } from '../../global-configuration/contracts/index-contracts.ts'
import type { KeptContract } from '../../global-configuration/contracts/verify-contract.ts'
import {
  graceInWords,
  graceNow,
  registryFinding,
  suspensionListFinding,
} from '../../global-configuration/findings.ts'
import { inForce } from '../../global-configuration/snapshot.ts'
import { hardwareFinding } from '../../keys/hardware-finding.ts'
import { createSubjectCheck } from '../../local-systems/unknown-subject.ts'
import { type Diagnosis, disk } from './disk.ts'
import type { Needs } from './needs.ts'

const WARN_DAYS = 30
const DAY_MS = 86_400_000
const WARN_CLOCK_MS = 10_000
/** More than twice the usual interval of time-stamps: a warning before exchanges stop. */
const UNSTAMPED_WARN_MS = 10 * 60_000

export function diagnosticsHandlers(rooms: Needs): Handlers {
  return {
    getDiagnostics: async () => ({
      checkedAt: new Date(rooms.clock()).toISOString(),
      process: { version: VERSION, node: process.versions.node },
      items: await diagnose(rooms),
    }),
    getJobs: () => rooms.jobs.state(),
  }
}

/** The state of each part, and the remedy for what is wrong. */
export async function diagnose(rooms: Needs): Promise<Diagnosis[]> {
  return [
    configuration(rooms),
    ...federations(rooms),
    finding(
      'suspension-list',
      suspensionListFinding(rooms.globalConfiguration.state(), rooms.clock(), graceNow(rooms)),
    ),
    finding('registry', registryFinding(rooms.globalConfiguration.state())),
    token(rooms),
    ...hardwareTokens(rooms),
    ...certificates(rooms),
    systemCertificate(rooms),
    attempt('signing', say`ready`, () => rooms.keys.signingIdentity(rooms.server)),
    attempt('authentication', say`ready`, () => rooms.keys.authenticationIdentity()),
    timeStamps(rooms),
    contracts(rooms),
    accessRights(rooms),
    attempt('message-log', say`the log takes records`, () => rooms.messageLog.checkUsable()),
    await disk(rooms.settings.directory),
    await reconciliation(rooms),
    ...(await integrity(rooms)),
    ...(await jobs(rooms)),
    ...clockOf(rooms),
    ...peers(rooms),
    ...outages(rooms),
  ]
}

function configuration({ globalConfiguration, contracts }: Needs): Diagnosis {
  const { attempt: last, own } = globalConfiguration.state()
  const remedy = say`Check that the registry can be reached`
  const grace = graceNow({ globalConfiguration, contracts })
  if (grace !== undefined)
    return { name: 'global-configuration', state: 'WARNING', message: graceInWords(grace), remedy }
  const now = attempt('global-configuration', say`valid until ${own?.expiresAt.toISOString() ?? ''}`, () =>
    globalConfiguration.current(),
  )
  if (now.state !== 'OK' || last.lastError === undefined) return now
  const message = say`${now.message}, but the last attempt to fetch it failed: ${last.lastError.message}`
  return { ...now, state: 'WARNING', message, remedy }
}

/**
 * The other instances that this one federates with. When the configuration of one expires, exchanges with its
 * members stop, and no others.
 */
function federations({ globalConfiguration, contracts }: Needs): Diagnosis[] {
  const { federated, federatedMissing } = globalConfiguration.state()
  const remedy = say`Ask the registry: it reads the same configuration, and says what is wrong with it`
  return [
    ...federated.map(({ instance, isExpired, expiresAt }): Diagnosis => {
      const until = expiresAt.toISOString()
      const grace = graceNow({ globalConfiguration, contracts }, instance)
      if (isExpired && grace !== undefined)
        return { name: `federation ${instance}`, state: 'WARNING', message: graceInWords(grace), remedy }
      const message = isExpired ? say`expired ${until}` : say`valid until ${until}`
      const name = `federation ${instance}`
      return isExpired ? { name, state: 'ERROR', message, remedy } : { name, state: 'OK', message }
    }),
    ...federatedMissing.map((instance): Diagnosis => {
      const message = say`no configuration of it was accepted yet`
      return { name: `federation ${instance}`, state: 'ERROR', message, remedy }
    }),
  ]
}

function finding(name: string, { ok, reason }: Finding): Diagnosis {
  if (ok) return { name, state: 'OK', message: reason ?? say`nothing is wrong with it` }
  return {
    ...{ name, state: 'ERROR', message: reason ?? say`it is not well` },
    remedy: say`Ask the operator of the registry, over another channel where it may have two faces`,
  }
}

function token({ keys }: Needs): Diagnosis {
  const [first] = keys.tokens()
  if (first?.loggedIn === true) return { name: 'token', state: 'OK', message: say`the token is unlocked` }
  const initialized = first?.initialized === true
  return {
    name: 'token',
    state: 'ERROR',
    message: initialized ? say`the token is locked` : say`the token is not initialized`,
    remedy: initialized ? say`Log in to the token with its PIN` : say`Initialize the token with a PIN`,
  }
}

function hardwareTokens({ keys }: Needs): Diagnosis[] {
  const found = hardwareFinding(keys.tokens())
  if (found === undefined) return []
  if (found.ok) return [{ name: 'hardware-tokens', state: 'OK', message: say`they can sign` }]
  return [
    {
      ...{ name: 'hardware-tokens', state: 'ERROR', message: found.reason ?? say`a token cannot sign` },
      remedy: say`Check the device and its p11-kit server, or the transit engine; log in to a token that is locked`,
    },
  ]
}

function certificates({ keys, clock }: Needs): Diagnosis[] {
  const active = keys
    .tokens()
    .flatMap((each) => each.keys)
    .flatMap((key) => key.certificates)
    .filter((certificate) => certificate.active)
  return active.map((certificate) => {
    const name = `certificate ${certificate.sha256.slice(0, 16)} (${certificate.usage})`
    if (certificate.remedy !== undefined) {
      const message =
        certificate.ocsp.error ?? say`state ${certificate.state}, OCSP ${certificate.ocsp.state}`
      return { name, state: 'ERROR', message, remedy: certificate.remedy }
    }
    const days = Math.floor((Date.parse(certificate.notAfter) - clock()) / DAY_MS)
    const message = say`good, days left: ${days}`
    return days < WARN_DAYS
      ? { name, state: 'WARNING', message, remedy: say`Order a new certificate` }
      : { name, state: 'OK', message }
  })
}

/**
 * Reports, in this order: the state of contracts is outdated, contracts could not be accepted, contracts
 * expire soon or have expired without a successor.
 */
function contracts({ contracts: room, clock }: Needs): Diagnosis {
  const name = 'contracts'
  const { asOf, required, contracts: all, refused } = room.view()
  const stale = asOf === undefined || clock() - Date.parse(asOf) > LIST_GOOD_MS
  if (stale && required)
    return {
      name,
      state: 'ERROR',
      message: say`exchanges need contracts, whose state is not known since ${asOf ?? ''}`,
      remedy: say`Check that the registry's registration listener can be reached`,
    }
  const ending = all.filter(
    ({ listed, content }) =>
      (listed.state === 'ACTIVE' || listed.state === 'SUSPENDED') &&
      Date.parse(content.validUntil) - clock() < WARN_DAYS * DAY_MS &&
      !all.some((one) => one.listed.state === 'ACTIVE' && isNewer(one, content)),
  )
  const [first] = ending
  if (refused.length > 0)
    return {
      name,
      state: 'WARNING',
      message: say`${refused.length} could not be taken: ${refused[0]!.reason}`,
      remedy: say`Tell the operator of the central registry`,
    }
  if (first !== undefined)
    return {
      name,
      state: 'WARNING',
      message: say`within ${WARN_DAYS} days end, or have ended: ${ending.length}; the first is ${first.listed.contract}, at ${first.content.validUntil}`,
      remedy: say`Extend or replace them together with the other parties`,
    }
  return {
    name,
    state: 'OK',
    message: asOf === undefined ? say`none was asked for yet` : say`${all.length} as of ${asOf}`,
  }
}

function isNewer(one: KeptContract, than: KeptContract['content']): boolean {
  return one.content.contract === than.contract && one.content.version > than.version
}

/** Access rights whose subject does not exist: they allow nobody to call. */
function accessRights({ localSystems, globalConfiguration, server }: Needs): Diagnosis {
  const name = 'access-rights'
  const snapshot = inForce(globalConfiguration)
  const whyNobody = createSubjectCheck(server.instance, (instance) => snapshot?.indexFor(instance))
  const found = [...localSystems.view().services.values()].flatMap(({ accessRights: rights }) =>
    rights.flatMap(({ subjectType, subject }) => whyNobody({ type: subjectType, id: subject }) ?? []),
  )
  if (found.length === 0) return { name, state: 'OK', message: say`each names somebody` }
  const { what, remedy } = found[0]!
  return { name, state: 'WARNING', message: say`${found.length} let nobody in, the first: ${what}`, remedy }
}

/**
 * The certificate that client systems of this server see. When it expires, these systems can no longer
 * connect, but exchanges between servers continue.
 */
function systemCertificate({ keys, clock }: Needs): Diagnosis {
  const name = 'system-certificate'
  const shown = attempt(name, '', () => keys.internalTls.info())
  if (shown.state !== 'OK') return shown
  const days = Math.floor((Date.parse(keys.internalTls.info().notAfter) - clock()) / DAY_MS)
  if (days >= WARN_DAYS) return { name, state: 'OK', message: say`days left: ${days}` }
  const remedy = say`Import a new certificate for the TLS key, or make a new key and tell the systems`
  return days < 0
    ? { name, state: 'ERROR', message: say`expired`, remedy }
    : { name, state: 'WARNING', message: say`days left: ${days}`, remedy }
}

function timeStamps({ messageLog, clock }: Needs): Diagnosis {
  const oldest = messageLog.oldestUnstamped()
  const name = 'time-stamping'
  if (oldest === undefined) return { name, state: 'OK', message: say`every record has its time-stamp` }
  const message = say`records since ${oldest.toISOString()} wait for a time-stamp`
  if (clock() - oldest.getTime() < UNSTAMPED_WARN_MS) return { name, state: 'OK', message }
  return { name, state: 'WARNING', message, remedy: say`Check that a time-stamping authority can be reached` }
}

async function reconciliation({ reconciliation: { cases } }: Needs): Promise<Diagnosis> {
  const name = 'reconciliation'
  const open = await cases.open()
  if (open.cases === 0 && open.unanswered === 0)
    return { name, state: 'OK', message: say`no discrepancy is open` }
  const message = say`open discrepancies: ${open.cases}; days that wait for the other server: ${open.unanswered}`
  const remedy = say`An auditor has to look at the cases; an operator at the servers that do not answer`
  return { name, state: 'WARNING', message, remedy }
}

/** What the witnesses and the latest verification report about the log. */
async function integrity({ verifications, witnessRoom }: Needs): Promise<Diagnosis[]> {
  const findings = [
    {
      name: 'witnesses',
      finding: witnessRoom.witnesses?.health(),
      message: say`a quorum cosigned the newest checkpoint, or will soon`,
      remedy: say`Look at “Witnesses” in the console; a witness that knows another history means that the log was restored or altered`,
    },
    {
      name: 'verification',
      finding: await verifications.health(),
      message: say`the last verification found nothing wrong`,
      remedy: say`Look at “Verification” in the console, keep the database as it is and find out who changed it`,
    },
  ]
  return findings.flatMap(({ name, finding, message, remedy }): Diagnosis[] => {
    if (finding === undefined) return []
    if (finding.reason === undefined) return [{ name, state: 'OK', message }]
    return [{ name, state: 'ERROR', message: finding.reason, remedy }]
  })
}

/** Compares this server's clock with the time in the registry's latest answer. */
function clockOf({ registryReports }: Needs): Diagnosis[] {
  const error = registryReports.clockErrorMs()
  if (error === undefined) return []
  const seconds = Math.round(Math.abs(error) / 1000)
  if (Math.abs(error) < WARN_CLOCK_MS)
    return [{ name: 'clock', state: 'OK', message: say`the clock agrees with the registry's` }]
  const message =
    error > 0
      ? say`the clock is ${seconds} s ahead of the registry's`
      : say`the clock is ${seconds} s behind the registry's`
  const remedy = say`Synchronise it: messages are refused when clocks differ by 5 minutes`
  return [{ name: 'clock', state: 'WARNING', message, remedy }]
}

/** Servers to which the latest connection failed. A successful connection removes the entry. */
function peers({ peerClient }: Needs): Diagnosis[] {
  return peerClient.troubles().map(({ server, at, fault }) => {
    const { text, remedy } = toldBy(fault)
    return {
      name: `peer ${idText(server)}`,
      state: 'WARNING',
      message: say`${text} Last tried at ${new Date(at).toISOString()}`,
      remedy,
    }
  })
}

/** Outages that the registry's operator announced and that are not over. */
function outages({ registryReports, clock }: Needs): Diagnosis[] {
  return (registryReports.outages() ?? []).map(({ id, message, from, until }) => ({
    name: `outage ${id}`,
    state: Date.parse(from) <= clock() ? 'WARNING' : 'OK',
    message: say`${message} (from ${from} until ${until})`,
  }))
}

async function jobs({ jobs: all }: Needs): Promise<Diagnosis[]> {
  const states = await all.state()
  return states
    .filter(({ lastError }) => lastError !== null)
    .map(({ kind, lastError, lastSucceededAt }) => ({
      name: `job ${kind}`,
      state: 'WARNING',
      message:
        lastSucceededAt === null
          ? say`it never succeeded: ${lastError!}`
          : say`last success ${lastSucceededAt}; now: ${lastError!}`,
      remedy: say`It is tried again by itself; look at what it names`,
    }))
}

function attempt(name: string, message: Word, act: () => unknown): Diagnosis {
  try {
    act()
    return { name, state: 'OK', message }
  } catch (thrown) {
    const { text: message, remedy } = toldBy(asFault(thrown))
    return { name, state: 'ERROR', message, remedy }
  }
}

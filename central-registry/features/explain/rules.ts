/** Decides, step by step, from gathered facts whether one subsystem can call a service of another; pure. */

import { listed, type Said, say, type Word } from '#schemas/said.ts'
import type { Time } from '#schemas/sent-values.ts'
import { type ContractQuestion, contract } from './contract-step.ts'

type Side = 'consumer' | 'provider'
const STEPS = [
  ...(['registration', 'servers', 'authenticationCertificates', 'ocsp', 'signingCertificate'] as const),
  ...(['configuration', 'suspensions', 'contract', 'accessRights', 'reachability'] as const),
] as const
/** `unknown`: the registry does not know; `knownBy` says who does. */
type State = 'good' | 'bad' | 'unknown'
export type Step = {
  step: (typeof STEPS)[number]
  side?: Side
  state: State
  what: Word
  remedy?: Word | undefined
  knownBy?: Word
}

/** One authentication certificate in the register, with the reason why it is not valid, if any. */
type CertificateFacts = { sha256: string; notAfter: Time; objection?: Said | undefined }

export type ServerFacts = {
  id: string
  address: string
  maintenance: string | null
  /** Whether the subsystem's registration at this server is disabled. */
  disabled: boolean
  suspended: string[]
  certificates: CertificateFacts[]
}

/** The signing certificate with which a member last signed something for this registry. */
export type SigningFacts = { sha256: string; issuer: string; notAfter: Time; at: Time }

export type SideFacts = {
  subsystem: string
  memberExists: boolean
  exists: boolean
  suspended: string[]
  servers: ServerFacts[]
  signing: SigningFacts | undefined
}

/** A CA that is approved for signing; `issuers` are its name and those of its intermediate CAs. */
export type CaFacts = { name: string; profile: string; isKnown: boolean; issuers: string[] }

/** The answer of another machine, or the reason why there is none. */
export type Probe = { about: Word; state: State; what: Word; remedy?: Said | undefined }

export type CallFacts = ContractQuestion & {
  sides: Record<Side, SideFacts>
  signingCas: CaFacts[]
  ocsp: Record<Side, Probe[]>
  published:
    | {
        index: number
        generatedAt: string
        expiresAt: string
        /** What the register has and this publication lacks, in words. */
        lacks: Word[]
      }
    | undefined
  reachability: Probe[]
}

const SIDES: Side[] = ['consumer', 'provider']

/** All steps, in the order in which they matter to a call. */
export function judge(facts: CallFacts): Step[] {
  return [
    ...SIDES.map((side) => registration(side, facts.sides[side])),
    ...SIDES.map((side) => servers(side, facts.sides[side])),
    ...SIDES.map((side) => certificates(side, facts.sides[side])),
    ...SIDES.map((side) => ocsp(side, facts.ocsp[side])),
    ...SIDES.map((side) => signing(side, facts)),
    configuration(facts),
    ...SIDES.map((side) => suspensions(side, facts.sides[side])),
    contract(facts),
    accessRights(facts),
    reachability(facts),
  ]
}

/** Bad when one step is bad; good only when no step is unknown. */
export function verdictOf(steps: Pick<Step, 'state'>[]): State {
  if (steps.some(({ state }) => state === 'bad')) return 'bad'
  return steps.some(({ state }) => state === 'unknown') ? 'unknown' : 'good'
}

function registration(side: Side, { subsystem, memberExists, exists }: SideFacts): Step {
  const step = { step: 'registration', side } as const
  if (exists) return { ...step, state: 'good', what: say`${subsystem} is in the register` }
  if (memberExists)
    return {
      ...step,
      state: 'bad',
      what: say`the member is in the register, its subsystem ${subsystem} is not`,
      remedy: say`check the spelling, or let its security server file a clientReg request`,
    }
  return {
    ...step,
    state: 'bad',
    what: say`neither ${subsystem} nor its member is in the register`,
    remedy: say`check the spelling, or admit the member first`,
  }
}

function servers(side: Side, { subsystem, servers: all }: SideFacts): Step {
  const step = { step: 'servers', side } as const
  if (all.length === 0)
    return {
      ...step,
      state: 'bad',
      what: say`${subsystem} is a client of no security server`,
      remedy: say`let a security server file a clientReg request for it`,
    }
  const troubles = all.flatMap((server) => {
    if (server.disabled) return [say`its registration at ${server.id} is disabled`]
    if (server.maintenance === null) return []
    const said = say`${server.id} is in maintenance`
    return [server.maintenance === '' ? said : listed([said, JSON.stringify(server.maintenance)], ': ')]
  })
  const usable = all.filter(isUsable).map(({ id }) => id)
  if (usable.length > 0)
    return {
      ...step,
      state: 'good',
      what: listed([say`${subsystem} is a client of ${usable.join(', ')}`, ...troubles], '; '),
    }
  return {
    ...step,
    state: 'bad',
    what: listed(troubles, '; '),
    remedy: say`let the security server file a clientEnable or maintenanceModeDisable request`,
  }
}

/** Whether the registration at this server is enabled and the server is not in maintenance. */
export function isUsable({ disabled, maintenance }: Pick<ServerFacts, 'disabled' | 'maintenance'>): boolean {
  return !disabled && maintenance === null
}

function certificates(side: Side, { servers: all }: SideFacts): Step {
  const step = { step: 'authenticationCertificates', side } as const
  const usable = all.filter(isUsable)
  if (usable.length === 0)
    return {
      ...step,
      state: 'unknown',
      what: say`no security server to look at`,
      remedy: say`put right the steps before`,
    }
  const good = usable.filter((server) => server.certificates.some(({ objection }) => objection === undefined))
  const troubles = usable.flatMap((server) =>
    server.certificates.length === 0
      ? [say`${server.id} has no registered authentication certificate`]
      : server.certificates.flatMap(({ sha256, objection }) =>
          objection === undefined ? [] : [say`${server.id}, certificate ${short(sha256)}: ${objection}`],
        ),
  )
  if (good.length === 0)
    return {
      ...step,
      state: 'bad',
      what: listed(troubles, '; '),
      remedy: say`let the security server get a new authentication certificate and file an authCertReg request with it`,
    }
  const until = good.map(({ id, certificates: own }) => {
    const ends = own.filter(({ objection }) => objection === undefined).map(({ notAfter }) => notAfter)
    return say`${id} has a valid certificate until ${ends.sort().at(-1)!}`
  })
  return { ...step, state: 'good', what: listed([...until, ...troubles], '; ') }
}

function ocsp(side: Side, probes: Probe[]): Step {
  const step = { step: 'ocsp', side } as const
  if (probes.length === 0)
    return {
      ...step,
      state: 'unknown',
      what: say`no valid certificate to ask about`,
      remedy: say`put right the steps before`,
    }
  const asked = inOne(probes)
  // One server with a valid certificate is enough for a call.
  if (probes.some(({ state }) => state === 'good')) return { ...step, state: 'good', what: asked }
  const remedy = probes.find((probe) => probe.remedy !== undefined)?.remedy
  if (probes.every(({ state }) => state === 'bad'))
    return { ...step, state: 'bad', what: asked, ...put({ remedy }) }
  return {
    ...step,
    state: 'unknown',
    what: asked,
    ...put({ remedy }),
    knownBy: say`the security server, which asks the responder itself: “Diagnostics” in its console`,
  }
}

function signing(side: Side, { sides, signingCas, now }: CallFacts): Step {
  const { subsystem, signing: seen } = sides[side]
  const step = { step: 'signingCertificate', side } as const
  const knownBy = say`the security server, which holds the signing key: “Keys and certificates” in its console`
  const last =
    seen === undefined
      ? say`the member of ${subsystem} has signed nothing here yet`
      : seen.notAfter <= now
        ? say`the member last signed here on ${seen.at} by certificate ${short(seen.sha256)} of ${seen.issuer}, which ended on ${seen.notAfter}`
        : say`the member last signed here on ${seen.at} by certificate ${short(seen.sha256)} of ${seen.issuer}, which ends on ${seen.notAfter}`
  const unread = signingCas.filter(({ isKnown }) => !isKnown)
  if (unread.length > 0) {
    const names = unread.map(({ name, profile }) => `${name} (${profile})`).join(', ')
    // Which CA issued the member's certificates is known only if it signed something for this registry.
    const isCertain =
      unread.length === signingCas.length ||
      unread.some(({ issuers }) => issuers.includes(seen?.issuer ?? ''))
    return {
      ...{ ...step, state: isCertain ? 'bad' : 'unknown' },
      what: say`${last}; certificates of these approved CAs are refused, for nobody knows their certificate profile: ${names}`,
      remedy: say`add the certificate profile under its name`,
      ...(isCertain ? {} : { knownBy }),
    }
  }
  const isOver = seen !== undefined && seen.notAfter <= now
  return {
    ...step,
    state: 'unknown',
    what: last,
    ...(isOver
      ? { remedy: say`let the member look whether it has a newer signing certificate, and get one` }
      : {}),
    knownBy,
  }
}

function configuration({ published, now }: CallFacts): Step {
  const step = { step: 'configuration' } as const
  if (published === undefined)
    return {
      ...step,
      state: 'bad',
      what: say`no configuration was published yet`,
      remedy: say`make a signing key and publish: “Configuration” in the console`,
    }
  const name = say`the configuration with index ${published.index}, published on ${published.generatedAt},`
  if (published.expiresAt <= now)
    return {
      ...step,
      state: 'bad',
      what: say`${name} expired on ${published.expiresAt}`,
      remedy: say`look why the registry publishes no more: /health/ready and its log`,
    }
  if (published.lacks.length > 0)
    return {
      ...step,
      state: 'bad',
      what: say`${name} lacks ${listed(published.lacks)}`,
      remedy: say`publish, and wait until the security servers have fetched it`,
    }
  return {
    ...step,
    state: 'good',
    what: say`${name} has all of it; which index a security server has, “Diagnostics” in its console says`,
  }
}

function suspensions(side: Side, { suspended, servers: all }: SideFacts): Step {
  const step = { step: 'suspensions', side } as const
  const ofServers = all.flatMap((server) => server.suspended)
  const isStopped =
    suspended.length > 0 || (all.length > 0 && all.every((server) => server.suspended.length > 0))
  const what = [...suspended, ...new Set(ofServers)].join('; ')
  if (!isStopped) return { ...step, state: 'good', what: what === '' ? say`none is in force` : what }
  return {
    ...step,
    state: 'bad',
    what,
    remedy: say`when its cause is gone, let a second person agree to lift it`,
  }
}

function accessRights({ sides, call }: CallFacts): Step {
  return {
    step: 'accessRights',
    state: 'unknown',
    what: say`whether ${sides.consumer.subsystem} may use ${call.serviceCode}, the registry is not told`,
    remedy: say`give the right on the provider's security server, to the subsystem or to a group that it is in`,
    knownBy: say`the security server of ${sides.provider.subsystem}: “Why does a call fail?” in its console`,
  }
}

function reachability({ reachability: probes }: CallFacts): Step {
  const step = { step: 'reachability', side: 'provider' } as const
  if (probes.length === 0)
    return {
      ...step,
      state: 'unknown',
      what: say`no security server to connect to`,
      remedy: say`put right the steps before`,
    }
  const what = say`seen from the registry, ${inOne(probes)}`
  const remedy = probes.find((one) => one.remedy !== undefined)?.remedy
  if (probes.some(({ state }) => state === 'good'))
    return { ...step, state: 'good', what, ...put({ remedy }) }
  const state = probes.every((one) => one.state === 'bad') ? 'bad' : 'unknown'
  return {
    ...step,
    state,
    what,
    ...put({ remedy }),
    ...(state === 'unknown'
      ? { knownBy: say`the consumer's security server, which connects from elsewhere` }
      : {}),
  }
}

function inOne(probes: Probe[]): Said {
  return listed(
    probes.map(({ about, what }) => listed([about, what], ': ')),
    '; ',
  )
}

function put({ remedy }: { remedy: Said | undefined }): { remedy?: Said } {
  return remedy === undefined ? {} : { remedy }
}

function short(sha256: string): string {
  return `${sha256.slice(0, 16)}…`
}

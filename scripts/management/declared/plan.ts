/** Plans the calls that a registry needs to match a file, in an order in which they can be made; pure. */
import { createHash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { readCertificate } from '#core/certificate/certificate.ts'
import { OWNERS_GROUP } from '#schemas/global-configuration.ts'
import { hostingMandates, notifications, policies } from './plan-policies.ts'
import type { Declared } from './read-file.ts'
import type { Present } from './read-present.ts'
import { emptyPlan, note, type Plan, step, together } from './step.ts'

/** Plans no deletion: removing something from a registry is a separate act. */
export function planOf(declared: Declared, present: Present): Plan {
  return together([
    classes(declared, present),
    certificateProfiles(declared, present),
    certificationServices(declared, present),
    timestampingServices(declared, present),
    members(declared, present),
    notifications(declared, present),
    securityServers(declared, present),
    groups(declared, present),
    hostingMandates(declared, present),
    policies(declared, present),
    settings(declared, present),
    externalAnchors(declared, present),
  ])
}

function classes({ memberClasses }: Declared, present: Present): Plan {
  const plan = emptyPlan()
  for (const { code, description } of memberClasses) {
    const found = present.memberClasses.find((one) => one.code === code)
    if (found === undefined)
      plan.steps.push(step(`add the member class ${code}`, 'addMemberClass', {}, { code, description }))
    else if (found.description !== description)
      plan.steps.push(
        step(
          `describe the member class ${code} as ${description}`,
          'describeMemberClass',
          { code },
          { description },
        ),
      )
  }
  note(plan, 'member class', memberClasses, present.memberClasses, ({ code }) => code)
  return plan
}

/** Profiles come before the services, because a CA can only be approved with a known profile. */
function certificateProfiles(declared: Declared, present: Present): Plan {
  const plan = emptyPlan()
  const known = new Map(present.certificateProfiles.map(({ name, sha256 }) => [name, sha256]))
  for (const profile of declared.certificateProfiles) {
    const { name } = profile
    const there = known.get(name)
    if (there === createHash('sha256').update(canonicalJson(profile)).digest('hex')) continue
    const says = `${there === undefined ? 'add' : 'change'} the certificate profile ${name}`
    plan.steps.push(step(says, 'putCertificateProfile', { name }, profile))
  }
  note(
    plan,
    'certificate profile',
    declared.certificateProfiles,
    present.certificateProfiles,
    ({ name }) => name,
  )
  return plan
}

function certificationServices(declared: Declared, present: Present): Plan {
  const plan = emptyPlan()
  const profiles = new Set(present.certificateProfiles.map(({ name }) => name))
  const lacking = declared.certificateProfiles.map(({ name }) => name).filter((name) => !profiles.has(name))
  for (const { intermediateCas, ...service } of declared.certificationServices) {
    const top = digest(service.certificate)
    const found = present.certificationServices.find(({ authorities }) =>
      authorities.some((one) => one.top && one.sha256 === top),
    )
    const approves = `approve the certification service ${service.name}`
    if (found === undefined)
      plan.steps.push(
        lacking.includes(service.certificateProfileInfo)
          ? { says: approves }
          : step(approves, 'addCertificationService', {}, service),
      )
    else if (
      found.name !== service.name ||
      found.certificateProfileInfo !== service.certificateProfileInfo ||
      found.authenticationOnly !== service.authenticationOnly ||
      found.defaultCsrFormat !== service.defaultCsrFormat
    )
      plan.differences.push(
        `certification service ${service.name} has another name, profile, use or request format`,
      )
    // Taking it away would stop the renewals of every server: an act of its own.
    if (found?.acmeServer !== undefined && service.acmeServer === undefined)
      plan.undeclared.push(`ACME server of ${service.name}`)
    else if (found !== undefined && !isDeepStrictEqual(found.acmeServer, service.acmeServer))
      plan.steps.push(
        step(
          `say where ${service.name} gives certificates by ACME`,
          'setAcmeServer',
          { id: String(found.id) },
          { acmeServer: service.acmeServer },
        ),
      )
    checkResponders(plan, service.name, service, found)
    for (const ca of intermediateCas) {
      const sha256 = digest(ca.certificate)
      const says = `add the intermediate CA ${sha256.slice(0, 16)} to ${service.name}`
      if (found === undefined) plan.steps.push({ says })
      else if (!found.authorities.some((one) => one.sha256 === sha256))
        plan.steps.push(step(says, 'addIntermediateCa', { id: String(found.id) }, ca))
      else checkResponders(plan, `${service.name}, intermediate CA`, ca, found)
    }
  }
  note(
    plan,
    'certification service',
    declared.certificationServices.map(({ certificate }) => digest(certificate)),
    present.certificationServices.map(({ authorities }) => authorities.find((one) => one.top)?.sha256 ?? ''),
    (sha256) => sha256,
  )
  return plan
}

function checkResponders(
  plan: Plan,
  name: string,
  { certificate, ocspResponders }: { certificate: string; ocspResponders: Cost[] },
  found: Present['certificationServices'][number] | undefined,
): void {
  const there = found?.authorities.find(({ sha256 }) => sha256 === digest(certificate))
  if (there === undefined) return
  const inWords = (all: Cost[]): string =>
    all
      .map(({ url, costType }) => `${url} (${costType})`)
      .toSorted()
      .join(' ')
  const present = inWords(there.ocspResponders)
  if (inWords(ocspResponders) !== present)
    plan.differences.push(`${name} has the OCSP responders ${present || 'none'}`)
}

type Cost = { url: string; costType: string }

function timestampingServices(declared: Declared, present: Present): Plan {
  const plan = emptyPlan()
  const keyOf = (one: { url: string; sha256: string }): string => `${one.url} ${one.sha256}`
  const wanted = declared.timestampingServices.map((one) => ({ ...one, sha256: digest(one.certificate) }))
  for (const { sha256, ...service } of wanted) {
    const there = present.timestampingServices.find((one) => keyOf(one) === keyOf({ ...service, sha256 }))
    if (there === undefined)
      plan.steps.push(
        step(`approve the time-stamping service ${service.name}`, 'addTimestampingService', {}, service),
      )
    else if (there.costType !== service.costType)
      plan.differences.push(`time-stamping service ${service.name} has the cost type ${there.costType}`)
  }
  note(plan, 'time-stamping service', wanted, present.timestampingServices, keyOf)
  return plan
}

function members(declared: Declared, present: Present): Plan {
  const plan = emptyPlan()
  const names = new Map(present.members.map(({ id, name }) => [id, name]))
  const subsystems = new Map(present.subsystems.map(({ id, name }) => [id, name]))
  for (const { id, name, subsystems: wanted } of declared.members) {
    const [, memberClass = '', memberCode = ''] = id.split(':')
    const there = names.get(id)
    if (there === undefined)
      plan.steps.push(step(`admit the member ${id}`, 'addMember', {}, { memberClass, memberCode, name }))
    else if (there !== name)
      plan.steps.push(step(`rename ${id} to ${name}`, 'renameMember', { id }, { name }))
    for (const { code, name: subsystemName } of wanted) {
      const own = `${id}:${code}`
      const says = `add the subsystem ${own}`
      const known = subsystems.get(own)
      if (known !== undefined) {
        if (subsystemName !== undefined && known !== subsystemName)
          plan.differences.push(`subsystem ${own} is named "${known}"`)
      } else if (there === undefined) plan.steps.push({ says })
      else
        plan.steps.push(step(says, 'addSubsystem', { id }, { subsystemCode: code, ...named(subsystemName) }))
    }
  }
  note(plan, 'member', declared.members, present.members, ({ id }) => id)
  return plan
}

function named(name: string | undefined): object {
  return name === undefined ? {} : { name }
}

function securityServers(declared: Declared, present: Present): Plan {
  const plan = emptyPlan()
  const servers = new Map(present.securityServers.map((one) => [one.id, one]))
  const known = new Set([...present.members, ...present.subsystems].map(({ id }) => id))
  for (const { id, address, authenticationCertificates, clients } of declared.securityServers) {
    const there = servers.get(id)
    const says = `register the security server ${id}`
    const owner = id.split(':').slice(0, 3).join(':')
    if (there === undefined)
      plan.steps.push(known.has(owner) ? step(says, 'addSecurityServer', {}, { id, address }) : { says })
    else if (there.address !== address)
      plan.steps.push(step(`move ${id} to ${address}`, 'changeSecurityServerAddress', { id }, { address }))
    for (const certificate of authenticationCertificates) {
      const sha256 = digest(certificate)
      if (there?.certificates.includes(sha256)) continue
      const adds = `register the authentication certificate ${sha256.slice(0, 16)} of ${id}`
      const body = Buffer.from(certificate, 'latin1')
      plan.steps.push(
        there === undefined ? { says: adds } : step(adds, 'addAuthenticationCertificate', { id }, body),
      )
    }
    for (const client of clients) {
      if (there?.clients.includes(client)) continue
      const adds = `register ${client} at ${id}`
      const isReady = there !== undefined && known.has(client)
      plan.steps.push(isReady ? step(adds, 'registerClient', { id }, { client }) : { says: adds })
    }
    for (const client of there?.clients ?? [])
      if (!clients.includes(client)) plan.undeclared.push(`client ${client} of ${id}`)
  }
  note(plan, 'security server', declared.securityServers, present.securityServers, ({ id }) => id)
  return plan
}

function groups(declared: Declared, present: Present): Plan {
  const plan = emptyPlan()
  const known = new Set([...present.members, ...present.subsystems].map(({ id }) => id))
  const found = new Map(present.globalGroups.map((one) => [one.code, one]))
  for (const { code, description, members } of declared.globalGroups) {
    if (code === OWNERS_GROUP.code) {
      plan.differences.push(`the registry keeps the global group ${code} by itself: leave it out of the file`)
      continue
    }
    const there = found.get(code)
    if (there === undefined)
      plan.steps.push(step(`add the global group ${code}`, 'addGlobalGroup', {}, { code, description }))
    else if (there.description !== description)
      plan.steps.push(
        step(
          `describe the global group ${code} as ${description}`,
          'describeGlobalGroup',
          { code },
          { description },
        ),
      )
    for (const client of members) {
      if (there?.members.includes(client)) continue
      const says = `add ${client} to the global group ${code}`
      const isReady = there !== undefined && known.has(client)
      plan.steps.push(isReady ? step(says, 'addGlobalGroupMember', { code }, { client }) : { says })
    }
    for (const client of there?.members ?? [])
      if (!members.includes(client)) plan.undeclared.push(`${client} in the global group ${code}`)
  }
  note(plan, 'global group', declared.globalGroups, present.globalGroups, ({ code }) => code)
  return plan
}

function settings(declared: Declared, present: Present): Plan {
  const plan = emptyPlan()
  const keyOf = (rule: { kind: string; memberClass: string }): string => `${rule.kind} of ${rule.memberClass}`
  const rules = new Set(present.automaticApprovals.map(keyOf))
  for (const rule of declared.automaticApprovals)
    if (!rules.has(keyOf(rule)))
      plan.steps.push(step(`approve ${keyOf(rule)} automatically`, 'setAutomaticApproval', rule))
  note(plan, 'automatic approval', declared.automaticApprovals, present.automaticApprovals, keyOf)
  const name = (client: string | undefined, now: string | undefined, operation: string, as: string): void => {
    if (client === undefined || client === now) return
    const says = `name ${client} as the ${as}`
    const isKnown = [...present.members, ...present.subsystems].some(({ id }) => id === client)
    plan.steps.push(isKnown ? step(says, operation, {}, { client }) : { says })
  }
  const { managementServiceProvider: provider, monitoringClient } = present
  name(
    declared.managementServiceProvider,
    provider,
    'setManagementServiceProvider',
    'provider of the management services',
  )
  if (declared.monitoringClient !== null)
    name(declared.monitoringClient, monitoringClient, 'setMonitoringClient', 'monitoring client')
  else if (monitoringClient !== undefined)
    plan.differences.push(`the monitoring client is ${monitoringClient}`)
  return plan
}

/** An anchor is first examined, so that those who decide see the configuration behind it. */
function externalAnchors(declared: Declared, present: Present): Plan {
  const plan = emptyPlan()
  const wanted = declared.externalAnchors.map((one) => Buffer.from(one, 'base64'))
  const digests = wanted.map((file) => createHash('sha256').update(file).digest('hex'))
  for (const [i, sha256] of digests.entries()) {
    const state = present.externalAnchors.find((one) => one.sha256 === sha256)?.state
    const trusts = `trust the external anchor ${sha256.slice(0, 16)}`
    if (state === 'TRUSTED') continue
    if (state === 'EXAMINED') plan.steps.push(step(trusts, 'trustExternalAnchor', { sha256 }))
    else if (state === undefined)
      plan.steps.push(
        step(`examine the external anchor ${sha256.slice(0, 16)}`, 'examineExternalAnchor', {}, wanted[i]),
        { says: trusts },
      )
    // People have decided about this anchor, and an old file must not undo that.
    else plan.differences.push(`external anchor ${sha256.slice(0, 16)} is ${state}`)
  }
  const trusted = present.externalAnchors.filter(({ state }) => state === 'TRUSTED')
  note(
    plan,
    'external anchor',
    digests,
    trusted.map(({ sha256 }) => sha256),
    (sha256) => sha256,
  )
  return plan
}

function digest(certificate: string): string {
  return readCertificate(Buffer.from(certificate, 'latin1')).sha256
}

/**
 * Compares the services of one client with those that a file declares: documents, settings, endpoints,
 * rights; pure.
 */
import { createHash } from 'node:crypto'
import { emptyPlan, later, ofPart, type Plan, type Step, step, together } from '../step.ts'
import { addMissing, compareLists, endOthers } from './lists.ts'
import {
  codeOf,
  type DeclaredClient,
  type DeclaredDescription,
  type DeclaredService,
  type Right,
  sha256Of,
} from './read-file.ts'
import {
  declaredFor,
  isKeptHere,
  type PresentClient,
  type PresentDescription,
  type PresentService,
} from './read-present.ts'

export function descriptions(
  { serviceDescriptions: declared }: DeclaredClient,
  client: PresentClient,
  removes: boolean,
): Plan[] {
  if (declared === undefined) return []
  const described = client.serviceDescriptions.filter((one) => !isKeptHere(one))
  const present = described.map((there) => ({ there, wanted: declaredFor(declared, there) }))
  const plans = declared.map((wanted) => {
    const there = present.find((one) => one.wanted === wanted)?.there
    const part = `${client.id}/${nameOf(wanted, client)}`
    return ofPart(
      part,
      there === undefined ? added(wanted, client) : compared(wanted, there, client, removes),
    )
  })
  const rest = emptyPlan()
  endOthers(rest, {
    wanted: present.filter((one) => one.wanted !== undefined),
    found: present,
    keyOf: ({ there }) => String(there.id),
    name: ({ there }) => `the service ${nameOf(there, client)} with its rights`,
    remove: ({ there }) => ({ operation: 'deleteServiceDescription', params: { id: String(there.id) } }),
    removes,
  })
  return [...plans, rest]
}

function nameOf(
  of: Pick<DeclaredDescription | PresentDescription, 'services'>,
  client: PresentClient,
): string {
  return of.services.map((service) => `${client.id}:${codeOf(service)}`).join(', ')
}

/**
 * All else of a description waits until it is there, and is told all the same. It is switched off at first.
 */
function added(wanted: DeclaredDescription, client: PresentClient): Plan {
  const { type, document, documentUrl, services } = wanted
  const { url, timeoutMs, maxConcurrentCalls, verifyTls, allowEncodedSlash, serviceCode } = services[0]!
  const own = { url, timeoutMs, maxConcurrentCalls, verifyTls, allowEncodedSlash, serviceCode }
  const body = { type, document, documentUrl, ...(type === 'WSDL' ? {} : own) }
  const source = document === undefined ? documentUrl : `a document with SHA-256 ${digestOf(document)}`
  const facts = [type, source, ...(type === 'WSDL' || url === undefined ? [] : [`answered by ${url}`])]
  const says = `describe ${nameOf(wanted, client)}: ${facts.filter(Boolean).join(', ')}`
  const params = { clientId: client.id }
  const describe = step(says, 'addClientServiceDescription', params, given(body))
  const coming: PresentDescription = {
    ...{ id: 0, type, url: documentUrl ?? '', disabled: true, disabledNotice: '' },
    services: services.map((one) => asDescribed(one, type)),
  }
  return together([{ ...emptyPlan(), steps: [describe] }, later(compared(wanted, coming, client, false))])
}

/** A service as it is when it has just been described, as far as a plan can know it before. */
function asDescribed(wanted: DeclaredService, type: string): PresentService {
  const { serviceCode, serviceVersion, url = '', timeoutMs = 0, maxConcurrentCalls = 0 } = wanted
  const { verifyTls = true, allowEncodedSlash = false, endpoints = [], accessRights = [] } = wanted
  const own = endpoints.map(({ method, path }) => `${method} ${path}`)
  const known = accessRights.flatMap(({ method, path }) =>
    method === undefined || path === undefined || own.includes(`${method} ${path}`) ? [] : [{ method, path }],
  )
  return {
    ...{ id: 0, serviceCode, ...(serviceVersion === undefined ? {} : { serviceVersion }) },
    ...{ url: type === 'WSDL' ? '' : plainUrl(url), timeoutMs, maxConcurrentCalls, verifyTls },
    ...{ validate: 'NONE', allowEncodedSlash, tlsCertificates: [], accessRights: [] },
    endpoints: known.map((one) => ({ ...one, id: 0, base: false, generated: true })),
  }
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function compared(
  wanted: DeclaredDescription,
  there: PresentDescription,
  client: PresentClient,
  removes: boolean,
): Plan {
  const plan = emptyPlan()
  const name = nameOf(wanted, client)
  const params = { id: String(there.id) }
  if (wanted.type !== there.type) {
    plan.differences.push(`${name} is described by ${there.type}`)
    return plan
  }
  const { documentUrl } = wanted
  if (documentUrl !== undefined && plainUrl(documentUrl) !== plainUrl(there.url))
    plan.differences.push(
      `the document of ${name} is fetched from ${there.url || 'nowhere'}; concordat server refresh ${there.id} --address changes it`,
    )
  if (wanted.sha256 !== undefined && there.sha256 !== undefined && wanted.sha256 !== there.sha256)
    plan.differences.push(`the document of ${name} has SHA-256 ${there.sha256}`)
  const { change } = there
  if (change?.isHidden === true)
    plan.differences.push(
      `the document of ${name} is another one; only a service administrator's key shows what differs`,
    )
  else if (change !== undefined && !change.same) {
    const query = { accept: change.digest, ignoreWarnings: false }
    if (change.warnings.length > 0)
      plan.differences.push(
        `the document of ${name}: its change has warnings; concordat server refresh ${there.id} shows them`,
      )
    else
      plan.steps.push({
        says: `replace the document of ${name}`,
        call: {
          operation: 'replaceServiceDescriptionDocument',
          ...{ params, query, body: Buffer.from(wanted.document ?? '') },
        },
      })
  }
  const services = wanted.services.map((service) => {
    const found = there.services.find((one) => codeOf(one) === codeOf(service))
    return found === undefined
      ? { ...emptyPlan(), differences: [`the document has no service ${client.id}:${codeOf(service)}`] }
      : comparedService(service, found, client, removes)
  })
  const named = new Set(wanted.services.map(codeOf))
  // The document has them, so that they stay; who may call them is to be seen.
  const undeclared = there.services
    .filter((one) => !named.has(codeOf(one)))
    .flatMap((one) => [
      `the service ${client.id}:${codeOf(one)} at ${one.url}`,
      ...one.accessRights.map((right) => rightName(right, `${client.id}:${codeOf(one)}`)),
    ])
  const all = together([
    switchedOff(wanted, there, name),
    { ...plan, undeclared },
    ...services,
    switchedOn(wanted, there, name),
  ])
  // What differs may be what callers rely on: people see to it before anything is switched on or taken away.
  return all.differences.length === 0 ? all : { ...all, steps: all.steps.map(waiting) }
}

function waiting({ call, ...step }: Step): Step {
  return step.isLast === true || call === undefined ? step : { ...step, call }
}

/** First: nobody calls what is being changed. A notice that the file does not have stays. */
function switchedOff(
  { enabled, notice }: DeclaredDescription,
  there: PresentDescription,
  name: string,
): Plan {
  const plan = emptyPlan()
  const body = { notice: notice ?? there.disabledNotice }
  if (enabled === false && (!there.disabled || there.disabledNotice !== body.notice))
    plan.steps.push(step(`switch ${name} off`, 'disableServiceDescription', { id: String(there.id) }, body))
  return plan
}

/** Last, when all that a caller relies on is in place. */
function switchedOn({ enabled }: DeclaredDescription, there: PresentDescription, name: string): Plan {
  const plan = emptyPlan()
  const on = step(`switch ${name} on`, 'enableServiceDescription', { id: String(there.id) })
  if (enabled === true && there.disabled) plan.steps.push({ ...on, isLast: true })
  return plan
}

function comparedService(
  wanted: DeclaredService,
  there: PresentService,
  client: PresentClient,
  removes: boolean,
): Plan {
  const plan = emptyPlan()
  const name = `${client.id}:${codeOf(wanted)}`
  const id = String(there.id)
  const { url, timeoutMs, maxConcurrentCalls, verifyTls, validate, allowEncodedSlash } = wanted
  const settings = {
    ...{ url: url === undefined ? undefined : plainUrl(url), timeoutMs, maxConcurrentCalls },
    ...{ verifyTls, validate, allowEncodedSlash },
  }
  const changed = Object.entries(settings).filter(
    ([field, value]) => value !== undefined && value !== there[field as keyof typeof settings],
  )
  if (changed.length > 0) {
    const says = changed.map(([field, value]) => `${field} ${value}`).join(', ')
    plan.steps.push(step(`change ${name}: ${says}`, 'updateService', { id }, Object.fromEntries(changed)))
  }
  compareLists(plan, {
    wanted: wanted.tlsCertificates?.map((der) => ({ pem: der, sha256: sha256Of(der) })),
    found: there.tlsCertificates,
    keyOf: ({ sha256 }) => sha256,
    name: ({ sha256 }) => `the certificate ${sha256.slice(0, 16)} of ${name}`,
    add: ({ pem, sha256 }) =>
      step(
        `trust the certificate ${sha256.slice(0, 16)} of ${name}`,
        'addServiceTlsCertificate',
        { id },
        Buffer.from(pem, 'base64'),
      ),
    remove: ({ sha256 }) => ({ operation: 'deleteServiceTlsCertificate', params: { id, sha256 } }),
    removes,
  })
  const isThere = (one: { method: string; path: string }): boolean =>
    there.endpoints.some(({ method, path }) => method === one.method && path === one.path)
  const lists = {
    // One that has become the document's meanwhile is there.
    wanted: wanted.endpoints?.filter((one) => !there.endpoints.some((e) => e.generated && isSame(e, one))),
    found: there.endpoints.filter(({ base, generated }) => !base && !generated),
    keyOf: ({ method, path }: Place) => `${method} ${path}`,
    name: ({ method, path }: Place) => `the endpoint ${method} ${path} of ${name} with its rights`,
  }
  addMissing(plan, {
    ...lists,
    add: ({ method, path }) =>
      step(`add the endpoint ${method} ${path} of ${name}`, 'addEndpoint', { id }, { method, path }),
  })
  // After its rights.
  const endpoints = emptyPlan()
  endOthers(endpoints, {
    ...lists,
    remove: (one) => ({ operation: 'deleteEndpoint', params: { id: String(one.id) } }),
    removes,
  })
  const coming = wanted.endpoints ?? []
  const lost = (wanted.accessRights ?? []).filter(
    ({ method, path }) =>
      method !== undefined &&
      path !== undefined &&
      !isThere({ method, path }) &&
      !coming.some((one) => isSame(one, { method, path })),
  )
  const differences = lost.map(({ method, path }) => `${name} has no endpoint ${method} ${path}`)
  const possible = wanted.accessRights?.filter((one) => !lost.includes(one))
  return together([
    plan,
    { ...emptyPlan(), differences },
    rights(possible, there, client, removes),
    endpoints,
  ])
}

/** What takes an endpoint or a group away takes its rights, too. */
export function rights(
  wanted: Right[] | undefined,
  there: PresentService,
  client: PresentClient,
  removes: boolean,
): Plan {
  const plan = emptyPlan()
  const name = `${client.id}:${codeOf(there)}`
  const id = String(there.id)
  const endpointOf = ({ method, path }: Right) =>
    there.endpoints.find((one) => one.method === method && one.path === path)
  const keyOf = (one: Right): string =>
    [one.subjectType, one.subjectId, one.method ?? '*', one.path ?? '**'].join(' ')
  const says = (one: Right): string => rightName(one, name)
  compareLists<Right, PresentService['accessRights'][number]>(plan, {
    wanted,
    found: there.accessRights,
    keyOf,
    name: says,
    add: (one) => {
      const { subjectType, subjectId, path } = one
      const endpoint = path === undefined ? undefined : endpointOf(one)
      const isThere =
        (path === undefined || endpoint !== undefined) &&
        (subjectType !== 'LOCALGROUP' || client.localGroups.some(({ code }) => code === subjectId))
      const body = { subjectType, subjectId, ...(endpoint && { endpointId: endpoint.id }) }
      return isThere
        ? step(`give ${says(one)}`, 'addAccessRight', { id }, body)
        : { says: `give ${says(one)}` }
    },
    remove: (one) => ({ operation: 'deleteAccessRight', params: { id, rightId: String(one.id) } }),
    removes,
  })
  return plan
}

/** A right to `GET **` is one to reading calls only, not to the whole service. */
export function rightName({ subjectType, subjectId, method, path }: Right, service: string): string {
  const isWhole = path === undefined || (method === '*' && path === '**')
  return `the right of ${subjectType} ${subjectId} to ${service}${isWhole ? '' : `, ${method} ${path}`}`
}

type Place = { method: string; path: string }

function isSame(one: Place, other: Place): boolean {
  return one.method === other.method && one.path === other.path
}

/** The address as a server keeps it. */
function plainUrl(text: string): string {
  const [, kept = '', address = ''] = /^(inbox:)?(.*)$/s.exec(text) ?? []
  return URL.canParse(address) && /^https?:/i.test(address)
    ? kept + new URL(address).href.replace(/\/+$/, '')
    : text
}

function given(body: Record<string, unknown>): object {
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined))
}

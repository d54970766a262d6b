/**
 * Compares the clients that a file declares with the server's: how their systems prove who they are, and
 * their groups; pure.
 */
import { emptyPlan, later, ofPart, type Plan, type Step, step, together } from '../step.ts'
import { compareLists, endOthers } from './lists.ts'
import { descriptions, rightName, rights } from './plan-services.ts'
import { codeOf, type Declared, type DeclaredClient, type Right, sha256Of } from './read-file.ts'
import { isSoap, type Present, type PresentClient } from './read-present.ts'

/** A client is never taken away: its deletion is filed with the registry first. */
export function clients(declared: Declared, present: Present, removes: boolean): Plan {
  if (declared.clients === undefined) return emptyPlan()
  const parts = declared.clients.map((wanted) => {
    const there = present.clients.find(({ id }) => id === wanted.id)
    return there === undefined ? added(wanted, present) : compared(wanted, there, present, removes)
  })
  const named = new Set(declared.clients.map(({ id }) => id))
  const others = present.clients.filter(({ id }) => !named.has(id)).map(({ id }) => `client ${id}`)
  return together([...parts, { ...emptyPlan(), undeclared: others }])
}

/** All else of a client waits until it is there, and is told all the same. */
function added(wanted: DeclaredClient, present: Present): Plan {
  const { id, connectionType } = wanted
  const body = { id, ...(connectionType === undefined ? {} : { connectionType }) }
  const connects = connectionType === undefined ? '' : `, whose systems connect by ${connectionType}`
  const adds = step(`add the client ${id}${connects}`, 'addClient', {}, body)
  const coming: PresentClient = {
    ...{ id, status: 'SAVED', connectionType: connectionType ?? '', tlsCertificates: [], localGroups: [] },
    serviceDescriptions: [],
  }
  return together([{ ...emptyPlan(), steps: [adds] }, later(compared(wanted, coming, present, false))])
}

function compared(wanted: DeclaredClient, there: PresentClient, present: Present, removes: boolean): Plan {
  const { id, connectionType, registered, name } = wanted
  const clientId = id
  const plan = emptyPlan()
  if (connectionType !== undefined && connectionType !== there.connectionType)
    plan.steps.push(
      step(
        `let systems of ${id} connect by ${connectionType}`,
        'updateClient',
        { clientId },
        { connectionType },
      ),
    )
  compareLists(plan, {
    wanted: wanted.tlsCertificates?.map((der) => ({ pem: der, sha256: sha256Of(der) })),
    found: there.tlsCertificates,
    keyOf: ({ sha256 }) => sha256,
    name: ({ sha256 }) => `the certificate ${sha256.slice(0, 16)} of a system of ${id}`,
    add: ({ pem, sha256 }) =>
      step(
        `accept the certificate ${sha256.slice(0, 16)} of a system of ${id}`,
        'addClientTlsCertificate',
        { clientId },
        Buffer.from(pem, 'base64'),
      ),
    remove: ({ sha256 }) => ({ operation: 'deleteClientTlsCertificate', params: { clientId, sha256 } }),
    removes,
  })
  if (registered === true && there.status === 'SAVED') {
    const body = name === undefined ? {} : { subsystemName: name }
    plan.steps.push(step(`file the registration of ${id}`, 'registerClient', { clientId }, body))
  } else if (registered === true && there.status !== 'REGISTERED')
    // The registry decides about it, or people have asked for something else.
    plan.differences.push(`client ${id} is ${there.status}`)
  const parts = together([
    ofPart(`${id}/systems`, plan),
    ...(wanted.localGroups ?? []).map((group) =>
      ofPart(`${id}/group ${group.code}`, localGroup(group, there, removes)),
    ),
    ...descriptions(wanted, there, removes),
    off(wanted, present),
    ...(wanted.tracker == null
      ? []
      : [ofPart(`${id}/tracker`, tracker(wanted.tracker, there, present, removes))]),
    ...(wanted.consents == null
      ? []
      : [ofPart(`${id}/consents`, consents(wanted.consents, there, present, removes))]),
  ])
  // After the rights that were given to them.
  return together([parts, ofPart(id, groupsNotNamed(wanted, there, parts.steps, removes))])
}

type Group = NonNullable<DeclaredClient['localGroups']>[number]

function localGroup({ code, description, members }: Group, client: PresentClient, removes: boolean): Plan {
  const plan = emptyPlan()
  const clientId = client.id
  const there = client.localGroups.find((one) => one.code === code)
  const name = `the local group ${code} of ${clientId}`
  if (there === undefined) {
    plan.steps.push(step(`add ${name}`, 'addClientLocalGroup', { clientId }, { code, description }))
    for (const member of members ?? []) plan.steps.push({ says: `add ${member} to ${name}` })
    return plan
  }
  const params = { id: String(there.id) }
  if (there.description !== description)
    plan.steps.push(step(`describe ${name} as ${description}`, 'updateLocalGroup', params, { description }))
  compareLists(plan, {
    wanted: members,
    found: there.members,
    keyOf: (id) => id,
    name: (id) => `${id} in ${name}`,
    add: (id) => step(`add ${id} to ${name}`, 'addLocalGroupMembers', params, { items: [id] }),
    remove: (id) => ({ operation: 'deleteLocalGroupMembers', params, body: { items: [id] } }),
    removes,
  })
  return plan
}

/**
 * A group goes with its rights, and only when all of them are to go: others keep it, whether or not the file
 * speaks of them.
 */
function groupsNotNamed(
  { localGroups }: DeclaredClient,
  client: PresentClient,
  steps: Step[],
  removes: boolean,
): Plan {
  const plan = emptyPlan()
  const goes = (operation: string, name: string, id: number): boolean =>
    steps.some(({ call }) => call?.operation === operation && call.params[name] === String(id))
  const kept = new Map<string, string>()
  for (const { id, services } of client.serviceDescriptions)
    for (const service of services)
      for (const right of service.accessRights) {
        if (right.subjectType !== 'LOCALGROUP' || goes('deleteServiceDescription', 'id', id)) continue
        if (!goes('deleteAccessRight', 'rightId', right.id)) kept.set(right.subjectId, codeOf(service))
      }
  const named = new Set(localGroups?.map(({ code }) => code))
  const others = client.localGroups.filter(({ code }) => !named.has(code))
  if (removes && localGroups !== undefined)
    for (const { code } of others.filter((one) => kept.has(one.code)))
      plan.differences.push(
        `the local group ${code} of ${client.id} stays: it has rights to ${client.id}:${kept.get(code)} that stay`,
      )
  endOthers<{ code: string }, PresentClient['localGroups'][number]>(plan, {
    wanted: localGroups,
    found: removes ? client.localGroups.filter(({ code }) => !kept.has(code)) : client.localGroups,
    keyOf: ({ code }) => code,
    name: ({ code }) => `the local group ${code} of ${client.id} with its rights`,
    remove: ({ id }) => ({ operation: 'deleteLocalGroup', params: { id: String(id) } }),
    removes,
  })
  return plan
}

/** What the file wants to be off and is on. */
function off(
  { id, tracker: wantedTracker, consents: wantedConsents }: DeclaredClient,
  present: Present,
): Plan {
  const isOn = (all: { clientId: string; isOn: boolean }[]): boolean =>
    all.some((one) => one.clientId === id && one.isOn)
  return {
    ...emptyPlan(),
    differences: [
      ...(wantedTracker === null && isOn(present.trackers) ? [`the tracker of ${id} is on`] : []),
      ...(wantedConsents === null && isOn(present.consents) ? [`the consents of ${id} are on`] : []),
    ],
  }
}

/** Switching one off takes two people always, and is an act of its own. */
function tracker(
  wanted: NonNullable<DeclaredClient['tracker']>,
  client: PresentClient,
  present: Present,
  removes: boolean,
): Plan {
  const plan = emptyPlan()
  const there = present.trackers.find(({ clientId }) => clientId === client.id)
  const { soap } = wanted
  if (there?.isOn !== true || (soap && !there.isInSoap))
    plan.steps.push(
      step(
        `switch the tracker of ${client.id} on${soap ? ', in SOAP too' : ''}`,
        'switchTrackerOn',
        { clientId: client.id },
        { soap },
      ),
    )
  else if (!soap && there.isInSoap) plan.differences.push(`the tracker of ${client.id} is in SOAP too`)
  const { accessRights, soapAccessRights } = wanted
  const services = keptServices('tracker:', client)
  if (services.length === 0)
    plan.steps.push(
      ...comingRights('tracker', client, [...(accessRights ?? []), ...(soapAccessRights ?? [])]),
    )
  return together([
    plan,
    ...services.map((one) => rights(isSoap(one) ? soapAccessRights : accessRights, one, client, removes)),
  ])
}

function consents(
  wanted: NonNullable<DeclaredClient['consents']>,
  client: PresentClient,
  present: Present,
  removes: boolean,
): Plan {
  const plan = emptyPlan()
  const clientId = client.id
  if (present.consents.find((one) => one.clientId === clientId)?.isOn !== true)
    plan.steps.push(step(`switch the consents of ${clientId} on`, 'switchConsentsOn', { clientId }))
  const services = keptServices('consents:', client)
  if (services.length === 0) plan.steps.push(...comingRights('consents', client, wanted.accessRights ?? []))
  return together([plan, ...services.map((one) => rights(wanted.accessRights, one, client, removes))])
}

/** Those to a service that is there once it is switched on. */
function comingRights(name: string, { id }: PresentClient, rights: Right[]): Step[] {
  return rights.map((one) => ({ says: `give ${rightName(one, `the ${name} of ${id}`)}` }))
}

function keptServices(url: 'tracker:' | 'consents:', { serviceDescriptions }: PresentClient) {
  return serviceDescriptions.flatMap(({ services }) => services).filter((service) => service.url === url)
}

/**
 * Switches the tracker of a subsystem on and off. It is a service like others: rights to it are given as to
 * any.
 */
import { readFile } from 'node:fs/promises'
import { Fault } from '#schemas/fault.ts'
import { FIND_USAGE, PERSON_CALLS } from '#schemas/find-usage.ts'
import { idText, type SubsystemId } from '#schemas/identifiers.ts'
import { STOP_PATH } from '#schemas/notices.ts'
import { say } from '#schemas/said.ts'
import { isTracker } from '../../local-systems/check-address.ts'
import { clientIn } from '../../local-systems/manage.ts'
import type { ServiceDescription } from '../../local-systems/view.ts'
import type { TrackerRooms } from './rooms.ts'
import { FIND_USAGE_WSDL } from './soap.ts'

type Rooms = Pick<TrackerRooms, 'localSystems' | 'personUses' | 'settings' | 'clock'>

const DESCRIPTION = new URL('../../../schemas/find-usage.yaml', import.meta.url)
const ABOUT_NOBODY = [
  { method: 'GET', path: '/v2/usagePeriod' },
  { method: 'GET', path: '/v2/heartbeat' },
  { method: 'GET', path: '/concordat/v1/coverage' },
  { method: 'POST', path: STOP_PATH },
]

/** The descriptions of the tracker's services: one in REST, one in SOAP. */
export function trackersOf(
  subsystem: SubsystemId,
  { localSystems }: Pick<Rooms, 'localSystems'>,
): ServiceDescription[] {
  const { descriptions } = clientIn(localSystems.view(), subsystem)
  return descriptions.filter(({ services }) => services.some(({ service }) => isTracker(service.url)))
}

/** Whether the subsystem is a client here whose tracker is on. */
export function isOn(subsystem: SubsystemId, { localSystems }: Pick<Rooms, 'localSystems'>): boolean {
  return localSystems.services(subsystem).some(({ url }) => isTracker(url))
}

/**
 * For what is on already it describes and declares what this version adds. Throws `conflict` where the
 * subsystem has another service of that code.
 */
export async function switchOn(
  subsystem: SubsystemId,
  q: { soap: boolean; by: string },
  rooms: Rooms,
): Promise<void> {
  const { localSystems } = rooms
  const service = { ...subsystem, serviceCode: FIND_USAGE }
  const there = trackersOf(subsystem, rooms)
  const document = await readFile(DESCRIPTION, 'utf8')
  const known = there.find(({ type }) => type === 'OPENAPI')
  if (known !== undefined && known.document !== document)
    await localSystems.replaceDocument(known.id, document, async () => undefined)
  if (known === undefined) {
    refuseOther(service, rooms)
    const { description } = await localSystems.addDescription({
      ...{ client: subsystem, code: FIND_USAGE, isTracker: true, document },
    })
    await localSystems.setDisabled(description, false)
  }
  await declarePlaces(idText(service), q.by, rooms)
  if (!q.soap || there.some(({ type }) => type === 'WSDL')) return
  const version = { ...service, serviceVersion: 'v1' }
  refuseOther(version, rooms)
  const { description } = await localSystems.addWsdl({
    ...{ client: subsystem, document: FIND_USAGE_WSDL, isTracker: true },
  })
  await localSystems.setDisabled(description, false)
  // xrd:userId, by its name in REST.
  await declare(
    idText(version),
    { method: '*', path: '**', in: 'header', name: 'X-Road-UserId' },
    q.by,
    rooms,
  )
}

/** The places stay declared: calls that were made are indexed with them. */
export async function switchOff(subsystem: SubsystemId, rooms: Rooms): Promise<void> {
  for (const { id } of trackersOf(subsystem, rooms)) await rooms.localSystems.deleteDescription(id)
}

function refuseOther(
  service: SubsystemId & { serviceCode: string; serviceVersion?: string },
  { localSystems }: Rooms,
) {
  const other = localSystems.service(service)
  if (other !== undefined && !isTracker(other.url))
    throw new Fault('conflict', {
      what: say`${idText(service)} is another service: remove or rename it first`,
    })
}

async function declarePlaces(service: string, by: string, rooms: Rooms): Promise<void> {
  // So that auditors find it, and people see how often somebody asked.
  for (const call of PERSON_CALLS)
    await declare(service, { ...call, in: 'query', name: 'userCode' }, by, rooms)
  for (const call of ABOUT_NOBODY) await declare(service, { ...call, in: 'none', name: '' }, by, rooms)
}

async function declare(
  service: string,
  place: { method: string; path: string; in: 'query' | 'header' | 'none'; name: string },
  by: string,
  { personUses, settings, clock }: Rooms,
): Promise<void> {
  const at = new Date(clock()).toISOString()
  try {
    await personUses.places.add(service, { ...place, type: settings.identifierType }, { by, at })
  } catch (thrown) {
    // Declared before, when the tracker was on.
    if (!(thrown instanceof Fault && thrown.code === 'conflict')) throw thrown
  }
}

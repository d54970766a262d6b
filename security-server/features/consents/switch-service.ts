/**
 * Switches the service by which people give and withdraw consents of a subsystem on and off. Rights to it are
 * given as to any.
 */
import { readFile } from 'node:fs/promises'
import { CONSENTS } from '#schemas/consents.ts'
import { Fault } from '#schemas/fault.ts'
import { type ClientId, idText, type SubsystemId } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import { isConsents } from '../../local-systems/check-address.ts'
import { clientIn } from '../../local-systems/manage.ts'
import type { ServiceDescription } from '../../local-systems/view.ts'
import type { ConsentRooms } from './rooms.ts'

type Rooms = Pick<ConsentRooms, 'localSystems'>

const DESCRIPTION = new URL('../../../schemas/consents.yaml', import.meta.url)

export function serviceOf(subsystem: ClientId, { localSystems }: Rooms): ServiceDescription | undefined {
  const { descriptions } = clientIn(localSystems.view(), subsystem)
  return descriptions.find(({ services }) => services.some(({ service }) => isConsents(service.url)))
}

/**
 * Does nothing for what is on already. Throws `conflict` where the subsystem has another service of that
 * code.
 */
export async function switchOn(subsystem: SubsystemId, rooms: Rooms): Promise<void> {
  const { localSystems } = rooms
  if (serviceOf(subsystem, rooms) !== undefined) return
  const service = { ...subsystem, serviceCode: CONSENTS }
  if (localSystems.service(service) !== undefined)
    throw new Fault('conflict', {
      what: say`${idText(service)} is another service: remove or rename it first`,
    })
  const document = await readFile(DESCRIPTION, 'utf8')
  const { description } = await localSystems.addDescription({
    ...{ client: subsystem, code: CONSENTS, isConsents: true, document },
  })
  await localSystems.setDisabled(description, false)
}

/**
 * Where the service was switched on with an earlier version, its description gets the paths of this one.
 * Rights stay: nothing is done where one would be lost, as when a node of an earlier version looks after a
 * later one.
 */
export async function describeAnew({ localSystems }: Rooms): Promise<void> {
  const document = await readFile(DESCRIPTION, 'utf8')
  for (const { id } of localSystems.view().clients.values()) {
    const there = serviceOf(id, { localSystems })
    if (there === undefined || there.document === document) continue
    const { rightsLost } = await localSystems.compareDocument(there.id, document)
    if (rightsLost.length === 0) await localSystems.replaceDocument(there.id, document, async () => undefined)
  }
}

/**
 * Consents that were given stay in force, and stay needed; nobody can give or withdraw one here until it is
 * on again.
 */
export async function switchOff(subsystem: SubsystemId, rooms: Rooms): Promise<void> {
  const there = serviceOf(subsystem, rooms)
  if (there !== undefined) await rooms.localSystems.deleteDescription(there.id)
}

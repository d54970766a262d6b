/**
 * The places of services that take only some calls at once. Guarantees that members who wait get places in
 * turn, each in the order of its requests, that a member cannot fill the queue of others, and that nobody
 * waits longer than a few seconds.
 */
import { Fault } from '#schemas/fault.ts'

export type ServicePlaces = {
  /** Gives a place at once or after a wait, until `leave` is called. Throws `service_busy`. */
  enter(q: {
    service: string
    /** Calls at once, as the service's settings say now. */
    most: number
    member: string
  }): Promise<Place>
  /** Requests that wait now, for the metrics. */
  waiting(): number
}

type Place = { waited: boolean; leave(): void }
type Waiter = { admit(): void }
type Service = {
  most: number
  busy: number
  /** In the order of turns; a member without requests is not in it. */
  members: Map<string, Waiter[]>
  waiting: number
}

/** Of one member for one service; of all members for all services of a node. */
const MOST_OF_MEMBER = 64
const MOST_OF_ALL = 2048
const WAIT_MS = 5000

export function createServicePlaces({ waitMs = WAIT_MS }: { waitMs?: number } = {}): ServicePlaces {
  const services = new Map<string, Service>()
  let waiting = 0

  function serviceOf(name: string, most: number): Service {
    const known = services.get(name) ?? { most, busy: 0, members: new Map(), waiting: 0 }
    known.most = most
    services.set(name, known)
    return known
  }

  const placeIn = (name: string, service: Service, waited: boolean): Place => {
    let left = false
    return {
      waited,
      leave: () => {
        if (left) return
        left = true
        service.busy -= 1
        admitNext(service)
        if (service.busy === 0 && service.waiting === 0) services.delete(name)
      },
    }
  }

  /** The member whose turn it is goes to the end of the turns with what it still has. */
  function admitNext(service: Service): void {
    while (service.busy < service.most) {
      const [next] = service.members
      if (next === undefined) return
      const [member, [first, ...others]] = next
      service.members.delete(member)
      if (others.length > 0) service.members.set(member, others)
      first?.admit()
    }
  }

  return {
    enter({ service: name, most, member }) {
      const service = serviceOf(name, most)
      admitNext(service)
      if (service.busy < most && service.waiting === 0) {
        service.busy += 1
        return Promise.resolve(placeIn(name, service, false))
      }
      const line = service.members.get(member) ?? []
      if (line.length >= MOST_OF_MEMBER || waiting >= MOST_OF_ALL) return Promise.reject(busy(name))
      return new Promise((resolve, reject) => {
        const stop = (): void => {
          clearTimeout(timer)
          service.waiting -= 1
          waiting -= 1
        }
        const waiter: Waiter = {
          admit() {
            stop()
            service.busy += 1
            resolve(placeIn(name, service, true))
          },
        }
        const timer = setTimeout(() => {
          stop()
          const others = (service.members.get(member) ?? []).filter((one) => one !== waiter)
          if (others.length > 0) service.members.set(member, others)
          else service.members.delete(member)
          reject(busy(name))
        }, waitMs)
        service.members.set(member, [...line, waiter])
        service.waiting += 1
        waiting += 1
      })
    },
    waiting: () => waiting,
  }
}

function busy(what: string): Fault {
  return new Fault('service_busy', { what, retryAfter: 1 })
}

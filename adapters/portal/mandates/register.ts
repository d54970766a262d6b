/**
 * The register of mandates as the portal asks it, always for the person who is signed in. Guarantees that a
 * person acts for another only by a mandate that the register itself named, at the time when it is used.
 */
import type { Clock } from '#platform/clock.ts'
import type { PersonType } from '#schemas/mandates.ts'
import type { JsonAnswer, NotCalled, ServiceCall } from '../asking/call-service.ts'
import type { Calls } from '../asking/calls.ts'
import type { Asking } from '../asking/in-turn.ts'
import type { Acting, Session } from '../login/sessions.ts'
import {
  isCode,
  type KnownMandate,
  type KnownMandates,
  type KnownRole,
  readPeople,
  readRoles,
  readTriplet,
  readTriplets,
  type Somebody,
} from './read-mandates.ts'

type Asked = { gone: AbortSignal }
/**
 * `theirs`: of the one for whom the person acts, by the mandate that the session names; the register has both
 * names.
 */
type Whose = { theirs?: Acting | undefined }
/** `open`: the register may have done it. */
export type Done = 'done' | 'refused' | 'away' | 'open'

export type MandateRegister = {
  /** For whom the person may act here now; undefined when the register does not answer. */
  choices(session: Session, q: Asked): Promise<Somebody[] | undefined>
  /** By what the person acts for this one now. */
  confirm(session: Session, q: Asked & { code: string }): Promise<Acting | 'none' | 'away'>
  given(session: Session, q: Asked & Whose): Promise<KnownMandates | undefined>
  held(session: Session, q: Asked): Promise<KnownMandates | undefined>
  roles(session: Session, q: Asked): Promise<KnownRole[]>
  give(
    session: Session,
    q: Asked & Whose & { delegate: { identifier: string } & object; mandate: object },
  ): Promise<Done>
  /** `waive`: the person gives up what they hold; else they take back what they gave. */
  end(session: Session, q: Asked & Whose & { other: string; id: string; waive: boolean }): Promise<Done>
}

/** Roles are the same for everybody. */
const KEPT_MS = 10 * 60_000

export function createMandateRegister(q: {
  service: string
  /** By which somebody may act here. */
  roles: readonly string[]
  calls: Pick<Calls, 'call'>
  asking: Pick<Asking, 'ownCode'>
  clock: Clock
}): MandateRegister {
  const { service, calls, asking, clock } = q
  const query = { role: q.roles }
  const giverOf = (session: Session, theirs: Acting | undefined): string =>
    theirs?.code ?? asking.ownCode(session)
  let kept: { roles: KnownRole[]; at: number } | undefined

  function get(
    session: Session,
    { gone, ...asked }: Pick<ServiceCall, 'path' | 'parameters' | 'query'> & Asked,
  ) {
    return calls.call(session, gone, { ...asked, service, method: 'GET', asOneself: true })
  }

  async function list<T>(answer: Promise<JsonAnswer | NotCalled>, read: (json: unknown) => T | undefined) {
    const given = await answer
    return 'why' in given || given.status !== 200 ? undefined : read(given.json)
  }

  return {
    choices: (session, { gone }) =>
      list(
        get(session, {
          path: '/delegates/{delegate}/representees',
          parameters: { delegate: asking.ownCode(session) },
          query,
          gone,
        }),
        readPeople,
      ),
    async confirm(session, { code, gone }) {
      const delegate = asking.ownCode(session)
      if (!isCode(code) || code === delegate) return 'none'
      const path = '/representees/{representee}/delegates/{delegate}/mandates'
      const answer = await get(session, { path, parameters: { representee: code, delegate }, query, gone })
      if ('why' in answer || answer.status !== 200) return 'away'
      const now = clock()
      const holds = ({
        role,
        representee,
        delegate: holder,
        from = 0,
        until = Infinity,
      }: KnownMandate): boolean =>
        q.roles.includes(role) &&
        representee.code === code &&
        holder.code === delegate &&
        from <= now &&
        now < until
      // The one that lasts longest.
      const [mandate] = readTriplet(answer.json)
        .filter(holds)
        .sort((a, b) => (b.until ?? Infinity) - (a.until ?? Infinity) || (a.id < b.id ? -1 : 1))
      if (mandate === undefined) return 'none'
      const { id, role, representee, until } = mandate
      const { name, type } = representee
      return { code, name, type, role, mandate: id, ...(until !== undefined && { until }) }
    },
    given: (session, { gone, theirs }) =>
      list(
        calls.call(session, gone, {
          ...{ service, method: 'GET', path: '/representees/{person}/delegates/mandates' },
          parameters: { person: giverOf(session, theirs) },
          ...inNameOf(theirs),
        }),
        readTriplets,
      ),
    held: (session, { gone }) =>
      list(
        get(session, {
          path: '/delegates/{person}/representees/mandates',
          parameters: { person: asking.ownCode(session) },
          gone,
        }),
        readTriplets,
      ),
    async roles(session, { gone }) {
      if (kept !== undefined && clock() - kept.at < KEPT_MS) return kept.roles
      const roles = await list(get(session, { path: '/roles', gone }), readRoles)
      if (roles !== undefined) kept = { roles, at: clock() }
      return roles ?? []
    },
    async give(session, { gone, delegate, mandate, theirs }) {
      const identifier = giverOf(session, theirs)
      const parameters = { representee: identifier, delegate: delegate.identifier }
      const { type, name } = theirs ?? { type: 'NATURAL_PERSON', name: session.person.name }
      const json = { representee: { type, identifier, ...namesOf(type, name) }, delegate, mandate }
      const path = '/representees/{representee}/delegates/{delegate}/mandates'
      const asked = { service, method: 'POST', path, parameters, json, ...inNameOf(theirs) } as const
      return doneBy(await calls.call(session, gone, asked))
    },
    async end(session, { gone, other, id, waive, theirs }) {
      const own = giverOf(session, theirs)
      const [representee, delegate] = waive ? [other, own] : [own, other]
      const json = { action: waive ? 'DELETE_WAIVE' : 'DELETE_WITHDRAW' }
      const path = '/representees/{representee}/delegates/{delegate}/mandates/{id}'
      const parameters = { representee, delegate, id }
      const asked = { service, method: 'PUT', path, parameters, json, ...inNameOf(theirs) } as const
      return doneBy(await calls.call(session, gone, asked))
    },
  }
}

function inNameOf(theirs: Acting | undefined): { asOneself?: true } {
  return theirs === undefined ? { asOneself: true } : {}
}

function namesOf(type: PersonType, name: string): object {
  if (type !== 'NATURAL_PERSON') return { legalName: name }
  const [firstName, ...more] = name.split(' ')
  return more.length === 0 ? {} : { firstName, surname: more.join(' ') }
}

function doneBy(answer: JsonAnswer | NotCalled): Done {
  if ('why' in answer) return answer.isOpen ? 'open' : answer.why === 'refused' ? 'refused' : 'away'
  if (answer.status < 300) return 'done'
  return answer.status < 500 ? 'refused' : 'open'
}

/** Everything that was found as one JSON document, for the person to keep: docs/portal.md has its form. */
import type { FoundConsents } from './consents/ask-consents.ts'
import type { Gathered } from './joining/gathered.ts'
import { isComplete } from './joining/gathered.ts'
import type { Row } from './joining/row.ts'

/** `consents` is undefined where no system keeps any for this portal. */
export function exportUses(gathered: Gathered, consents: FoundConsents | undefined, at: string): object {
  const { uses, masses, looks, answered, failed, silent, absent, tooMany, unlisted, listedAt } = gathered
  return {
    form: 'concordat-uses/1',
    askedAt: at,
    nothingKnownMissing: isComplete(gathered),
    uses: uses.map(({ time, proven, differing, provider, consumer }) => ({
      ...{ time, proven, differing, provider: sideOf(provider), consumer: sideOf(consumer) },
    })),
    massUses: masses.map(({ told, ...mass }) => ({ toldBy: told.id, ...mass })),
    otherQuestions: looks.map(({ client, isOwn, claims }) => ({
      ...{ client, isOwn },
      claims: claims.map(({ told, count, last }) => ({ toldBy: told.id, count, last })),
    })),
    answered: answered.map(({ system, form, rows, dropped, cut, coverage }) => ({
      ...{ system, form, rows: rows.length, dropped, coverage },
      ...(cut !== undefined && { cut }),
    })),
    notAnswered: [
      ...failed.map(({ system, why }) => ({ system, why: why as string })),
      ...silent.map((system) => ({ system, why: 'silent' })),
    ],
    notAskedBesides: tooMany,
    ...(unlisted.length > 0 && { instancesNotListed: unlisted }),
    ...(listedAt !== undefined && { systemsListedAt: new Date(listedAt).toISOString() }),
    doesNotTellThisPortal: absent,
    ...(consents !== undefined && { consents: consentsOf(consents) }),
  }
}

function consentsOf({ consents, told, notTold, silent }: FoundConsents): object {
  return {
    given: consents.map(({ told: { id }, demand, ...consent }) => ({
      ...{ toldBy: id, ...consent },
      agreed: { ...demand, fields: demand.fields.length === 0 ? 'any' : demand.fields },
    })),
    answered: told.map(({ system, consents: { length }, dropped, isCut }) => ({
      ...{ system, consents: length, dropped, isCut },
    })),
    notAnswered: [
      ...notTold.map(({ system, why }) => ({ system, why: why as string })),
      ...silent.map((system) => ({ system, why: 'silent' })),
    ],
  }
}

function sideOf(row: Row | undefined): object | undefined {
  if (row === undefined) return undefined
  const { told, role: _role, ...rest } = row
  return { toldBy: told.id, ...rest }
}

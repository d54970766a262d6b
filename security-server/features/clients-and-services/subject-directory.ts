/**
 * The subsystems and global groups of the instances in force, as administrators look for them: groups before
 * subsystems, each by id. Made once for a version of the configuration and kept as a few texts, since a large
 * instance has some ten thousand of them.
 */
import type { ConfigurationIndex } from '#core/configuration/configuration-index.ts'
import { type TextTable, tableOf, textAt } from '#core/configuration/text-table.ts'
import type { ServerId } from '#schemas/identifiers.ts'
import type { GlobalConfiguration } from '../../global-configuration/global-configuration.ts'
import { inForce } from '../../global-configuration/snapshot.ts'
import type { SubjectType } from '../../local-systems/access.ts'

export type Subject = { subjectType: SubjectType; subjectId: string; name: string }
export type SubjectPage = { total: number; rows: Subject[] }
/** `q` is a part of an id or a name, in any case of letters. */
type SubjectQuestion = { q: string; offset: number; limit: number }

type SubjectDirectory = {
  groups(asked: SubjectQuestion): SubjectPage
  subsystems(asked: SubjectQuestion): SubjectPage
  /** Undefined for one that is not there. */
  nameOf(subject: Pick<Subject, 'subjectType' | 'subjectId'>): string | undefined
}

/** The directory of the configuration that is in force at each call. */
export function createSubjectDirectory(q: {
  globalConfiguration: Pick<GlobalConfiguration, 'current'>
  server: ServerId
}): () => SubjectDirectory {
  let made: { of: ConfigurationIndex[]; directory: SubjectDirectory } | undefined
  return () => {
    const of = [...(inForce(q.globalConfiguration)?.indexes() ?? [])]
    const isSame = made?.of.length === of.length && of.every((index, i) => index === made?.of[i])
    if (made === undefined || !isSame) made = { of, directory: directoryOf(of, q.server.instance) }
    return made.directory
  }
}

function directoryOf(indexes: ConfigurationIndex[], own: string): SubjectDirectory {
  const ownGroups = indexes.find(({ instance }) => instance === own)?.shared.globalGroups ?? []
  const groups = listOf(
    'GLOBALGROUP',
    ownGroups.map(({ groupCode, description }) => [groupCode, description]),
  )
  const subsystems = listOf(
    'SUBSYSTEM',
    indexes.flatMap(({ shared }) =>
      shared.members.flatMap(({ name, subsystems: all }) =>
        all.map((one): [string, string] => [Object.values(one.id).join(':'), one.name ?? name]),
      ),
    ),
  )
  return {
    groups: groups.find,
    subsystems: subsystems.find,
    nameOf: ({ subjectType, subjectId }) =>
      subjectType === 'LOCALGROUP'
        ? undefined
        : (subjectType === 'GLOBALGROUP' ? groups : subsystems).nameOf(subjectId),
  }
}

function listOf(subjectType: SubjectType, given: [id: string, name: string][]) {
  const sorted = given.sort(([one], [other]) => (one < other ? -1 : 1))
  const ids = tableOf(sorted.map(([id]) => id))
  const names = tableOf(sorted.map(([, name]) => name))
  const find = createFinder(sorted.map(([id, name]) => `${id} ${name}`))
  return {
    find(asked: SubjectQuestion): SubjectPage {
      const { total, numbers } = find(asked)
      const rowOf = (at: number): Subject => ({
        ...{ subjectType, subjectId: textAt(ids, at)!, name: textAt(names, at)! },
      })
      return { total, rows: numbers.map(rowOf) }
    },
    nameOf(id: string): string | undefined {
      const at = firstFrom(ids, id)
      return at < ids.ends.length && textAt(ids, at) === id ? textAt(names, at) : undefined
    },
  }
}

/** The number of the first text that is not before this one. */
function firstFrom(table: TextTable, text: string): number {
  return firstOf(table.ends.length, (at) => textAt(table, at)! >= text)
}

/**
 * The first number below `count` for which `holds`, which then holds for all that follow; `count` when there
 * is none.
 */
function firstOf(count: number, holds: (number: number) => boolean): number {
  let [low, high] = [0, count]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (holds(middle)) high = middle
    else low = middle + 1
  }
  return low
}

/**
 * Finds lines by a part of them. They are one text, in small letters, so that a search is one pass of the
 * machine over it.
 */
function createFinder(lines: string[]): (asked: SubjectQuestion) => { total: number; numbers: number[] } {
  const small = lines.map((line) => line.toLowerCase().replaceAll('\n', ' '))
  const text = `${small.join('\n')}\n`
  let end = 0
  const ends = Uint32Array.from(small, (line) => {
    end += line.length + 1
    return end
  })
  return ({ q, offset, limit }) => {
    const wanted = q.toLowerCase()
    if (wanted === '') {
      const most = Math.max(0, Math.min(limit, ends.length - offset))
      return { total: ends.length, numbers: Array.from({ length: most }, (_none, i) => offset + i) }
    }
    const numbers: number[] = []
    let total = 0
    if (wanted.includes('\n')) return { total, numbers }
    for (let at = text.indexOf(wanted); at !== -1; ) {
      const number = firstOf(ends.length, (line) => ends[line]! > at)
      if (total >= offset && numbers.length < limit) numbers.push(number)
      total++
      at = text.indexOf(wanted, ends[number])
    }
    return { total, numbers }
  }
}

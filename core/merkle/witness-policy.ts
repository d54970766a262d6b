/**
 * Which cosignatures a checkpoint needs: a C2SP tlog-policy file, which names witnesses with their keys and
 * addresses, groups of witnesses, and a quorum. The lines are `witness <name> <verifier key> [<url>]`,
 * `group <name> all|any|<k> <name>...`, `quorum <name>|none`; lines of logs are accepted and ignored.
 */
import { Fault } from '#schemas/fault.ts'
import { type Cosignature, verifyCosignature } from './cosignature.ts'
import { cosignerOctets } from './cosigner-key.ts'
import type { Note } from './signed-note.ts'
import { parseVerifierKey, type VerifierKey } from './verifier-key.ts'

export type PolicyWitness = VerifierKey & {
  /** The witness's name in the policy file. */
  label: string
  /** The URL prefix for submissions. */
  url: string | undefined
}

type Group = { least: number; members: string[] }

export type WitnessPolicy = {
  witnesses: PolicyWitness[]
  groups: ReadonlyMap<string, Group>
  /** The name of a witness or group; undefined for `none`. */
  quorum: string | undefined
}

const MAX_LENGTH = 64 * 1024
const MAX_LINES = 256

/** Throws `invalid_configuration`, which names the line. */
export function parseWitnessPolicy(text: string): WitnessPolicy {
  if (text.length > MAX_LENGTH) throw invalid('it is too long')
  if (/[\u0000-\u0008\u000b-\u001f\u007f]/.test(text)) throw invalid('a control character')
  const lines = text.split('\n')
  if (lines.length > MAX_LINES) throw invalid(`more than ${MAX_LINES} lines`)
  const witnesses: PolicyWitness[] = []
  const groups = new Map<string, Group>()
  const taken = new Set<string>()
  let quorum: string | undefined | null = null

  const define = (name: string): string => {
    if (name === 'none' || groups.has(name) || witnesses.some(({ label }) => label === name))
      throw invalid(`the name ${name} is taken`)
    return name
  }
  const mustKnow = (name: string): void => {
    if (!groups.has(name) && !witnesses.some(({ label }) => label === name))
      throw invalid(`${name} is not defined above`)
  }
  const read = ([word, ...rest]: string[]): void => {
    const [name, second, ...more] = rest
    if (word === 'log' && name !== undefined && rest.length <= 2) return
    if (word === 'quorum' && name !== undefined && rest.length === 1) {
      if (quorum !== null) throw invalid('a second quorum')
      if (name !== 'none') mustKnow(name)
      quorum = name === 'none' ? undefined : name
      return
    }
    if (name === undefined || second === undefined) throw invalid('it is no line of a policy')
    if (word === 'witness' && more.length <= 1) {
      const witness = { ...parseVerifierKey(second, 'witness'), label: define(name), url: more[0] }
      if (witnesses.some((one) => isSameKey(one, witness))) throw invalid('a key stands in it twice')
      witnesses.push(witness)
    } else if (word === 'group' && more.length > 0) {
      more.forEach(mustKnow)
      // Each witness may belong to one group only, so that it counts once.
      for (const member of more) {
        if (taken.has(member)) throw invalid(`${member} is in two groups`)
        taken.add(member)
      }
      groups.set(define(name), { least: leastOf(second, more.length), members: more })
    } else throw invalid('it is no line of a policy')
  }
  for (const [at, line] of lines.entries()) {
    const words = line.trim().split(/[ \t]+/)
    if (words[0] === '' || words[0]!.startsWith('#')) continue
    try {
      read(words)
    } catch (cause) {
      const what = cause instanceof Fault ? (cause.what ?? cause.message) : ''
      throw new Fault('invalid_configuration', { what: `witness policy, line ${at + 1}: ${what}`, cause })
    }
  }
  if (quorum === null) throw new Fault('invalid_configuration', { what: 'witness policy: no quorum' })
  return { witnesses, groups, quorum }
}

/** Whether these witnesses (by label) meet the quorum. */
export function meetsPolicy(policy: WitnessPolicy, labels: ReadonlySet<string>): boolean {
  const holds = (name: string): boolean => {
    const group = policy.groups.get(name)
    if (group === undefined) return labels.has(name)
    return group.members.filter(holds).length >= group.least
  }
  return policy.quorum === undefined || holds(policy.quorum)
}

type Witnessed = { label: string; name: string; time: Date }

/**
 * The witnesses of the policy that cosigned. Throws `malformed_checkpoint` when a line of one of them is
 * forged.
 */
export function witnessesOf(note: Note, policy: WitnessPolicy): Witnessed[] {
  return policy.witnesses.flatMap(({ label, name, publicKey }) => {
    const cosignature: Cosignature | undefined = verifyCosignature(note, name, publicKey)
    return cosignature === undefined ? [] : [{ label, name, time: cosignature.time }]
  })
}

/** Whether enough witnesses of the policy cosigned, and which did. Throws `malformed_checkpoint`. */
export function judgeWitnesses(note: Note, policy: WitnessPolicy): { met: boolean; witnesses: Witnessed[] } {
  const witnesses = witnessesOf(note, policy)
  return { met: meetsPolicy(policy, new Set(witnesses.map(({ label }) => label))), witnesses }
}

function leastOf(text: string, members: number): number {
  const least = text === 'all' ? members : text === 'any' ? 1 : /^[1-9]\d{0,2}$/.test(text) ? Number(text) : 0
  if (least < 1 || least > members) throw invalid('the number of a group is from 1 to that of its members')
  return least
}

function isSameKey(a: VerifierKey, b: VerifierKey): boolean {
  return cosignerOctets(a.publicKey).equals(cosignerOctets(b.publicKey))
}

function invalid(what: string): Fault {
  return new Fault('invalid_configuration', { what })
}

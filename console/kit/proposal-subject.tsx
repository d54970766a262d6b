/**
 * What a proposal is about: the member, subsystem or contract of its address by name, then the values with
 * which it calls, roles in words. `brief`: without the parties of a contract, for a row among many.
 */
import { idIn } from './act-thing.ts'
import { NamedInRow, NamedInWords } from './named.tsx'
import { useName } from './names.ts'
import type { Proposal } from './proposal.tsx'
import { RETENTION_WORDS } from './retention-words.ts'
import { text, textIfAny } from './text.ts'

export function ProposalSubject({ of, brief = false }: { of: Proposal; brief?: boolean }) {
  const { operation, target, summary } = of
  const id = idIn(operation, target) ?? ''
  const name = useName(id)
  if (name === undefined || !summary.startsWith(id))
    return <bdi class="wrap">{inWords(summary, operation)}</bdi>
  const others = summary.slice(id.length).replace(/^, /, '')
  return (
    <>
      {brief && name.provider !== undefined ? <NamedInRow id={id} /> : <NamedInWords id={id} />}
      {others !== '' && (
        <>
          {' · '}
          <bdi class="wrap">{inWords(others, operation)}</bdi>
        </>
      )}
    </>
  )
}

function inWords(values: string, operation: string): string {
  const isOfRetention = operation.includes('Retention')
  return values
    .split(', ')
    .map((one) => {
      const word = isOfRetention ? RETENTION_WORDS[one] : undefined
      return word === undefined ? (textIfAny(`role.${one}`) ?? one) : text(word)
    })
    .join(', ')
}

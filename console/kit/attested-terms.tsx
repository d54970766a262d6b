/** What the wallet of the person has to attest by a contract, and by whom issued. */
import { type AttestedAttribute, claimText, valueText } from './attested.ts'
import { text } from './text.ts'

export function AttestedTerms({ of }: { of: AttestedAttribute[] }) {
  return (
    <>
      <p>{text('contract.attested')}</p>
      <ul class="plain-list">
        {of.map(({ name, values, from }) => (
          <li key={name}>
            <bdi>{name}</bdi>
            {values !== undefined && (
              <>
                {': '}
                <bdi>{values.map(valueText).join(' / ')}</bdi>
              </>
            )}
            <ul class="plain-list">
              {from.map(({ format, type, claim, issuers }) => (
                <li key={`${format} ${type}`}>
                  <bdi class="id wrap">{`${format} ${type} ${claimText(claim)}`}</bdi>{' '}
                  {issuers === undefined
                    ? text('contract.attestedByAny')
                    : text('contract.attestedBy', { issuers: issuers.join(', ') })}
                </li>
              ))}
            </ul>
          </li>
        ))}
      </ul>
    </>
  )
}

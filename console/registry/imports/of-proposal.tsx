/**
 * The import that a proposal would carry out, and whether it still takes over the same as when it was
 * proposed.
 */
import { Link } from '../../kit/address.tsx'
import { Part } from '../../kit/facts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { Status } from '../../kit/status.tsx'
import { text } from '../../kit/text.ts'
import { ImportState, importPath, Numbers, titleOf, type WholeImport } from './import.tsx'

export function ImportOfProposal({ id, hash, state }: { id: string; hash: string; state: string }) {
  const found = useAnswer<WholeImport>('getImport', { params: { id } })
  return (
    <Show of={found}>
      {(of) => (
        <Part title={text('imports.one')} acts={<Link to={importPath(id)}>{text('imports.whole')}</Link>}>
          <p>
            {titleOf(of)} <ImportState of={of} />
          </p>
          {state === 'proposed' && (
            <p>
              <Status
                tone={of.contentHash === hash ? 'good' : 'bad'}
                word={of.contentHash === hash ? 'requests.unchanged' : 'requests.changedSince'}
              />
            </p>
          )}
          <p>
            {text('imports.anchorHash')} <bdi class="id wrap">{of.anchorHash}</bdi>
          </p>
          <Numbers of={of} />
        </Part>
      )}
    </Show>
  )
}

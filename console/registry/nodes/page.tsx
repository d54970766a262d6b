/** The nodes of this registry: how each is, a secret for a new one, and leaving of one that is gone. */
import { Head } from '../../kit/facts.tsx'
import { NodesPart } from '../../kit/nodes.tsx'
import { text } from '../../kit/text.ts'

export function Nodes() {
  return (
    <>
      <Head title={text('nodes.title')} lead={text('registryNodes.pageLead')} />
      <NodesPart
        texts={{
          lead: 'registryNodes.lead',
          alone: 'registryNodes.alone',
          leaveConsequence: 'registryNodes.leaveConsequence',
          joinConsequence: 'registryNodes.joinConsequence',
        }}
      />
    </>
  )
}

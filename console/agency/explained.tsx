/**
 * What the code of an outcome means, with the code beside it. The server has no words for a code that another
 * program made up.
 */
export function Explained(q: { outcome: string; explanation?: string | null | undefined }) {
  const { outcome, explanation } = q
  if (explanation === null || explanation === undefined) return <bdi class="id wrap">{outcome}</bdi>
  return (
    <>
      {explanation} <bdi class="id beside wrap">{outcome}</bdi>
    </>
  )
}

import type { ComponentChildren } from 'preact'

export interface Tab<Name extends string> {
  readonly name: Name
  readonly label: ComponentChildren
}

interface Props<Name extends string> {
  readonly label: string
  readonly tabs: readonly Tab<Name>[]
  readonly chosen: Name
  readonly onChoose: (name: Name) => void
}

/** A few views of one thing, of which one is shown. */
export function Tabs<Name extends string>({ label, tabs, chosen, onChoose }: Props<Name>) {
  return (
    <fieldset class="tabs">
      <legend class="unseen">{label}</legend>
      {tabs.map((tab) => (
        <button
          key={tab.name}
          type="button"
          aria-pressed={tab.name === chosen}
          onClick={() => onChoose(tab.name)}
        >
          {tab.label}
        </button>
      ))}
    </fieldset>
  )
}

import { render } from 'preact'
import './style.css'
import { Page } from './page.ts'
import { App } from './panel/app.tsx'

function find(id: string): HTMLElement {
  const element = document.getElementById(id)
  if (element === null) throw new Error(`index.html has no #${id}`)
  return element
}

render(<App page={new Page(find('map'), window.location)} />, find('panels'))

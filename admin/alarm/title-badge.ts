/** The tab's title says how many alerts wait, also behind other tabs. */
export function showInTitle(title: string, waiting: number): void {
  document.title = waiting === 0 ? title : `(${waiting}) ${title}`
}

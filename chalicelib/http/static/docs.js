/* A button beside each example, for those who have scripts run; the text can be selected without it. */
for (const example of document.querySelectorAll('pre')) {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'copy';
  const status = document.createElement('span');
  status.setAttribute('role', 'status');
  button.textContent = 'Copy';
  button.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(example.textContent);
      status.textContent = ' Copied';
    } catch {
      getSelection().selectAllChildren(example);
      status.textContent = ' Selected: copy it with your keyboard';
    }
  });
  example.after(button, status);
}

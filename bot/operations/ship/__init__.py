"""What a machine needs to run and watch Powerbot, made from settings, figures and commands.

artefacts   the artefacts by the words that one types
place       where things stand, and under which names the settings reach the bot there
container   the image, which compose and kubernetes run; systemd runs the venv
alarms      what is alarmed on (alerts makes the rules), and in runbook where to read what to do
dashboard   what is drawn
"""

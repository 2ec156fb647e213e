"""What a machine needs to run and watch Powerbot, made from settings, figures and commands.

artefacts   what may be printed, by the word that one types
layout      where things stand, and under which names the settings reach the bot there
container   the image, which compose and kubernetes run; systemd runs the venv
alarms      what is alarmed on, as rules for Prometheus, with the heading of OPERATING to read
dashboard   what is drawn
documents   how YAML is written
"""

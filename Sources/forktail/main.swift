import Host

Forktail.main()
